#include "admin/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"

namespace holdfast::admin {

absl::Status UsageError(absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", what), "usage", "yes");
}

bool IsUsageError(const absl::Status& status) { return DetailOf(status, "usage") == "yes"; }

absl::Status FileError(absl::string_view doing, absl::string_view path, absl::string_view why) {
  return WithDetail(MakeError(absl::StatusCode::kInternal, "IO_ERROR",
                              absl::StrCat("cannot ", doing, " ", path, ": ", why)),
                    "path", path);
}

absl::Status BadFileError(absl::string_view path, int line, absl::string_view what) {
  const std::string place = line > 0 ? absl::StrCat(path, ":", line) : std::string(path);
  return WithDetail(
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", absl::StrCat(place, ": ", what)),
      "path", path);
}

absl::Status RefusedImportError(const std::vector<std::string>& faults) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                   absl::StrCat("nothing was imported:\n  ", absl::StrJoin(faults, "\n  ")));
}

absl::Status NoInventoryError(const std::vector<std::string>& endpoints, const absl::Status& cause) {
  return MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("the cluster's nodes cannot be found through ",
                                absl::StrJoin(endpoints, ", "), ": ", cause.message()));
}

absl::Status UnknownNodeError(absl::string_view node_id, const std::vector<std::string>& known) {
  return WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS",
                              absl::StrCat("there is no node \"", node_id, "\"; the cluster has ",
                                           absl::StrJoin(known, ", "))),
                    "what", node_id);
}

absl::Status NotSeededError(absl::string_view node_id) {
  return WithDetail(
      MakeError(
          absl::StatusCode::kFailedPrecondition, "NOT_CAUGHT_UP",
          absl::StrCat("'", node_id, "' has no copy of the data yet; it takes one from a proxy by itself, ",
                       "holdfast status shows how far it is")),
      "node_id", node_id);
}

absl::Status UnknownOperationError(absl::string_view operation_id,
                                   const std::vector<std::string>& unreached) {
  const std::string what =
      operation_id.empty() ? "any operation" : absl::StrCat("an operation ", operation_id);
  if (unreached.empty()) {
    return WithDetail(
        MakeError(absl::StatusCode::kNotFound, "OPERATION_NOT_FOUND", absl::StrCat("no server knows ", what)),
        "operation", operation_id);
  }
  return MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("no server that could be asked knows ", what, "; ",
                                absl::StrJoin(unreached, ", "), " could not be asked"));
}

absl::Status UnknownSalvageError(absl::string_view file, const std::vector<std::string>& unreached) {
  if (unreached.empty()) {
    return WithDetail(MakeError(absl::StatusCode::kNotFound, "SALVAGE_NOT_FOUND",
                                absl::StrCat("there is no salvage file \"", file,
                                             "\"; `holdfast salvage list` shows them")),
                      "file", file);
  }
  return WithDetail(MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                              absl::StrCat("no node that could be asked has a salvage file \"", file, "\"; ",
                                           absl::StrJoin(unreached, ", "), " could not be asked")),
                    "file", file);
}

absl::Status LostSalvageError(absl::string_view file, const absl::Status& cause) {
  return WithDetail(
      MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                absl::StrCat(file, " cannot be read: ", cause.message(),
                             "; a copy of the file from the node's disk will do: give its path")),
      "file", file);
}

absl::Status DamagedSalvageError(absl::string_view file, absl::string_view what) {
  return WithDetail(
      MakeError(absl::StatusCode::kDataLoss, "DATA_DAMAGED", absl::StrCat(file, " is damaged: ", what)),
      "file", file);
}

absl::Status ForeignSalvageError(absl::string_view file, absl::string_view expected,
                                 absl::string_view found) {
  const absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_CLUSTER",
                absl::StrCat(file, " holds records of cluster ", found, ", this one is ", expected));
  return WithDetail(WithDetail(status, "expected", expected), "found", found);
}

absl::Status ConflictChangedError(absl::string_view revision, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "PLAN_CHANGED",
                   absl::StrCat("nothing was committed: ", revision, " ", what,
                                "; look at `holdfast salvage diff` again"));
}

absl::Status ChangeUnknownError(absl::string_view change, absl::string_view address, absl::string_view look,
                                const absl::Status& cause) {
  std::string why(cause.message());
  if (const std::string revision = DetailOf(cause, "revision"); !revision.empty()) {
    why = absl::StrCat("it is in the log at revision ", revision, " with ", DetailOf(cause, "acknowledged"),
                       " of ", DetailOf(cause, "needed"), " acknowledgements, and may still be committed");
  }
  absl::Status status =
      MakeError(absl::StatusCode::kDeadlineExceeded, "COMMIT_UNKNOWN",
                absl::StrCat(change, " was sent to ", address, " and its outcome is not known (", why,
                             "); look with `", look, "` before you repeat it"));
  for (const auto& [key, value] : DetailsOf(cause)) status = WithDetail(status, key, value);
  return WithDetail(status, "address", address);
}

absl::Status PlanMovedError(absl::string_view confirmed, absl::string_view now, absl::string_view next) {
  return WithDetail(
      MakeError(absl::StatusCode::kFailedPrecondition, "PLAN_CHANGED",
                absl::StrCat(
                    "the plan is ", now, " now, not ", confirmed,
                    ": something material has changed, nothing was begun. Look at it above, then confirm it; "
                    "next: ",
                    next)),
      "plan_id", now);
}

bool LeavesOpen(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  // A node that could not ask another (node_id) has changed nothing.
  if (reason == "UNREACHABLE") return DetailOf(status, "node_id").empty();
  return absl::IsCancelled(status) || reason == "COMMIT_UNKNOWN" || reason == "INTERNAL" ||
         (reason == "DEADLINE" && DetailOf(status, "committed") != "no");
}

absl::Status ProgramEndedError(absl::string_view node_id, absl::string_view log) {
  return WithDetail(MakeError(absl::StatusCode::kInternal, "IO_ERROR",
                              absl::StrCat("node ", node_id, " has ended; its log says why: ", log)),
                    "path", log);
}

absl::Status NotInTimeError(absl::string_view what) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE", absl::StrCat("not in time: ", what));
}

}  // namespace holdfast::admin
