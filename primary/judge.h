#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "base/digest.h"
#include "holdfast/v1/config.pb.h"
#include "storage/store.h"

namespace holdfast::primary {

// What a commit request comes to at the end of the log: a pure function of the batch's state.
struct Judgement {
  // A record to append; absent if the request was committed before or changes nothing.
  std::optional<storage::RecordDraft> draft;
  // The revision that bears the request id already.
  std::optional<Revision> repeated;
};

// XXH3-128 of what the request asks for, its preconditions and mutations: an id that is reused for something
// else is recognised by it. Who asks, why, and in which import does not count: a retry may come from another
// user or machine.
Digest128 RequestDigest(const v1::CommitRequest& request);

// Looks up the request id first, then the preconditions (a retry must not fail on what it did itself), then
// works out the changes: sorted by key, deletions of absent keys left out. Errors: REQUEST_ID_REUSED,
// OUTCOME_UNKNOWABLE, REQUEST_ID_AHEAD, PRECONDITION_FAILED, and the store's own. `oldest` is the oldest
// record that the log keeps; only people are told of it.
//
// No id is committed twice, whatever anybody's clock says: an id is admitted only if no record of the log
// bears it and it is above every id whose record is gone. That an id is a time only decides how long after a
// compaction ids are refused: as long as the client whose id was the highest is ahead of the others, at most
// kMaxRequestIdLead, since ids from further ahead are not admitted.
absl::StatusOr<Judgement> Judge(storage::Store::Batch& batch, Revision oldest,
                                const v1::CommitRequest& request, const Digest128& digest,
                                absl::string_view principal);

}  // namespace holdfast::primary
