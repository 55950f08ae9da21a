#pragma once

#include "absl/status/status.h"
#include "holdfast/v1/record.pb.h"
#include "primary/node_survey.h"
#include "replication/replica.h"
#include "storage/store.h"

// Whether the voters that a record is to name can do what they are named for, by what they were just asked
// and by who follows this primary. Strand.
namespace holdfast::primary {

// How many voters of the rule are heard under the incarnation that it names (R16). `silent` becomes one that
// is not.
uint32_t VotersHeard(const replication::Replica& replica, const SurveyAnswers& answers,
                     const v1::DurabilityRule& rule, std::string* silent);

// A rule whose quorum needs a voter that may be gone for good could never commit its own record. Who does not
// answer may be named, but q others must have been heard. UNREACHABLE.
absl::Status CheckEnoughAlive(const replication::Replica& replica, const SurveyAnswers& answers,
                              const v1::DurabilityRule& after);

// R21: a record names as new voters only nodes that hold what is committed. One that follows a relay, and so
// is none of our followers, speaks for itself; the record is looked up by its hash. NOT_CAUGHT_UP.
absl::Status CheckCaughtUp(storage::Store& store, const replication::Replica& replica,
                           const SurveyAnswers& answers, const v1::DurabilityRule& before,
                           const v1::DurabilityRule& after);

}  // namespace holdfast::primary
