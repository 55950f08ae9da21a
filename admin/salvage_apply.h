#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "admin/context.h"
#include "admin/salvage_files.h"
#include "admin/salvage_sort.h"

namespace holdfast::admin {

// What an operator chose.
struct SalvageChoice {
  std::vector<std::string> only;       // keys and revisions; empty: every record
  std::vector<std::string> overwrite;  // "0.14=1.20": this conflicting record, over what was seen at 1.20
};

// What became of one record.
enum class SalvageOutcome {
  kPresent,           // nothing had to be done
  kNotConfiguration,  // the cluster's own record
  kNotChosen,         // left out by the operator
  kConflicting,       // left as it is: somebody's work would be overwritten
  kToApply,           // dry run: would be committed
  kApplied,           // committed
  kAppliedBefore,     // had been committed by an earlier run
  kChanged,           // somebody has changed a key while this ran; nothing was overwritten
  kDependent,         // goes on from a record that was not committed
  kRefused,           // the primary refuses it, such as a message that is too large now
  kUnknown,           // sent, and no answer says what became of it
  kNotTried           // after something that stopped the run
};

// What became of one record. A plain value.
struct SalvageResult {
  SalvageOutcome outcome = SalvageOutcome::kPresent;
  int64_t revision = 0;  // of kApplied and kAppliedBefore
  std::string why;       // of kChanged and kRefused
};

// A file sorted, and what is done with each record.
struct SalvageRun {
  SalvageFacts facts;
  std::vector<RecordVerdict> verdicts;
  std::vector<SalvageResult> results;  // one for each record
  absl::Status stopped;                // what ended the run early
};

// Reads the cluster and sorts. WRONG_CLUSTER; errors of GatherSalvageFacts; INVALID_REQUEST (usage) for a
// choice that names nothing; PLAN_CHANGED if what is to be overwritten is not as it was seen.
absl::StatusOr<SalvageRun> PlanSalvage(Context& context, const Salvage& salvage, const SalvageChoice& choice);

// Commits what is kToApply, in file order. Repeating it is harmless. Failures of single records are in their
// results, one that stops the run is `stopped`.
void RunSalvage(Context& context, client::Client& client, const Salvage& salvage, SalvageRun& run);

// 0 if nothing is left to be done, 5 if an outcome is unknown, 6 if something is left, else as `stopped`.
ExitCode ExitCodeOf(const SalvageRun& run);

}  // namespace holdfast::admin
