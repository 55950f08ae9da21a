#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What the command line itself reports; all else is the servers' own word. Any thread.
namespace holdfast::admin {

// INVALID_REQUEST, detail usage = "yes" (ExitCode::kUsage). A flag or argument is missing or contradicts
// another.
absl::Status UsageError(absl::string_view what);
bool IsUsageError(const absl::Status& status);

// IO_ERROR, detail path. `doing` is a verb: "read", "write".
absl::Status FileError(absl::string_view doing, absl::string_view path, absl::string_view why);

// INVALID_REQUEST, detail path. A file is not what it should be; `line` 0 speaks of the whole.
absl::Status BadFileError(absl::string_view path, int line, absl::string_view what);

// INVALID_REQUEST. Nothing was committed; `faults` are one line each.
absl::Status RefusedImportError(const std::vector<std::string>& faults);

// UNREACHABLE. No node of the cluster can be found through the endpoints.
absl::Status NoInventoryError(const std::vector<std::string>& endpoints, const absl::Status& cause);

// CONFLICTING_SETTINGS, detail what.
absl::Status UnknownNodeError(absl::string_view node_id, const std::vector<std::string>& known);

// NOT_CAUGHT_UP, detail node_id. A server that has no copy of the data yet.
absl::Status NotSeededError(absl::string_view node_id);

// OPERATION_NOT_FOUND. No server knows it; UNREACHABLE if some, `unreached`, could not be asked.
absl::Status UnknownOperationError(absl::string_view operation_id, const std::vector<std::string>& unreached);

// PLAN_CHANGED. The plan of now is not the one that was looked at.
absl::Status PlanMovedError(absl::string_view confirmed, absl::string_view now, absl::string_view next);

// SALVAGE_NOT_FOUND, detail file. No node has it, nor is it registered; UNREACHABLE if some, `unreached`,
// could not be asked.
absl::Status UnknownSalvageError(absl::string_view file, const std::vector<std::string>& unreached);

// UNREACHABLE, detail file. The node that has the file cannot be asked for it now.
absl::Status LostSalvageError(absl::string_view file, const absl::Status& cause);

// DATA_DAMAGED, detail file. What came is not what was written.
absl::Status DamagedSalvageError(absl::string_view file, absl::string_view what);

// WRONG_CLUSTER, details expected and found. The records are another cluster's.
absl::Status ForeignSalvageError(absl::string_view file, absl::string_view expected, absl::string_view found);

// PLAN_CHANGED. A conflicting record is not, or no longer, as an override says that it was seen.
absl::Status ConflictChangedError(absl::string_view revision, absl::string_view what);

// COMMIT_UNKNOWN, detail address. `change` ("the change of members") was sent, and no answer says what became
// of it; `look` is the command that tells. Only then repeat it.
absl::Status ChangeUnknownError(absl::string_view change, absl::string_view address, absl::string_view look,
                                const absl::Status& cause);

// Whether an answer to a change that was sent leaves open what became of it.
bool LeavesOpen(const absl::Status& status);

// IO_ERROR. A program of the playground did not start or has ended; `log` is its log file.
absl::Status ProgramEndedError(absl::string_view node_id, absl::string_view log);

// DEADLINE. `what` did not become true in time.
absl::Status NotInTimeError(absl::string_view what);

}  // namespace holdfast::admin
