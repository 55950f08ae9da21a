#include "primary/errors.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/uuid.h"

namespace holdfast::primary {

absl::Status PreconditionFailedError(absl::string_view key, absl::string_view expected,
                                     absl::string_view found) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "PRECONDITION_FAILED",
                absl::StrCat("precondition on '", key, "' does not hold: expected ", expected, ", found ",
                             found, "; read it again before you retry"));
  status = WithDetail(status, "key", key);
  status = WithDetail(status, "expected", expected);
  return WithDetail(status, "found", found);
}

absl::Status RequestIdReusedError(absl::string_view request_id, Revision revision) {
  const std::string id = UuidToString(request_id);
  absl::Status status = MakeError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED",
                                  absl::StrCat("request id ", id, " was committed at revision ",
                                               revision.ToString(), " with other content; use a new id"));
  status = WithDetail(status, "request_id", id);
  return WithDetail(status, "revision", revision.ToString());
}

absl::Status OutcomeUnknowableError(absl::string_view request_id, Revision oldest) {
  const std::string id = UuidToString(request_id);
  absl::Status status = MakeError(
      absl::StatusCode::kFailedPrecondition, "OUTCOME_UNKNOWABLE",
      absl::StrCat(
          "request id ", id, " is not newer than those that the log (kept from revision ", oldest.ToString(),
          ") has forgotten, so nobody can say whether it was committed; read, then use a ", "new id"));
  status = WithDetail(status, "request_id", id);
  return WithDetail(status, "oldest_revision", oldest.ToString());
}

absl::Status RequestIdAheadError(absl::string_view request_id, absl::Duration lead) {
  const std::string id = UuidToString(request_id);
  absl::Status status = MakeError(
      absl::StatusCode::kInvalidArgument, "REQUEST_ID_AHEAD",
      absl::StrCat("request id ", id, " was made ", absl::FormatDuration(absl::Trunc(lead, absl::Seconds(1))),
                   " ahead of this node's clock (at most ", absl::FormatDuration(kMaxRequestIdLead),
                   " is admitted); nothing was changed: set the clock that is wrong, then use a new id"));
  status = WithDetail(status, "request_id", id);
  return WithDetail(status, "lead_seconds", absl::StrCat(absl::ToInt64Seconds(lead)));
}

absl::Status CommitUnknownError(Revision revision,
                                const replication::Replica::Acknowledgement& acknowledgement,
                                absl::string_view why) {
  absl::Status status = MakeError(
      absl::StatusCode::kDeadlineExceeded, "COMMIT_UNKNOWN",
      absl::StrCat("outcome unknown: the commit is in the log at revision ", revision.ToString(), " with ",
                   acknowledgement.acknowledged, " of ", acknowledgement.needed, " acknowledgements (", why,
                   "); it may still be committed: retry with the same request id only"));
  status = WithDetail(status, "revision", revision.ToString());
  status = WithDetail(status, "acknowledged", absl::StrCat(acknowledgement.acknowledged));
  return WithDetail(status, "needed", absl::StrCat(acknowledgement.needed));
}

absl::Status CommitNotBegunError() {
  return WithDetail(MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE",
                              "the deadline passed before the commit was begun; nothing was changed"),
                    "committed", "no");
}

absl::Status CommitNotDecidedError(Revision revision, absl::string_view why) {
  return WithDetail(
      MakeError(
          absl::StatusCode::kDeadlineExceeded, "DEADLINE",
          absl::StrCat("not decided (", why, "): the answer rests on revision ", revision.ToString(),
                       ", which too few voters have acknowledged; nothing was changed, repeat it later")),
      "committed", "no");
}

absl::Status CommitQueueFullError(int64_t limit) {
  absl::Status status =
      MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                absl::StrCat("too many commits wait (limit ", limit, "); nothing was changed, retry later"));
  status = WithDetail(status, "what", "queued commits");
  return WithDetail(status, "limit", absl::StrCat(limit));
}

absl::Status InvalidNodeError(absl::string_view field, absl::string_view value, absl::string_view wanted) {
  return WithDetail(MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                              absl::StrCat(field, " of node '", value, "' must be ", wanted)),
                    "field", field);
}

absl::Status InvalidSalvageError(absl::string_view field, absl::string_view wanted) {
  return WithDetail(MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                              absl::StrCat(field, " must be ", wanted)),
                    "field", field);
}

absl::Status ConflictingSettingsError(absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS",
                              absl::StrCat(what, "; see `holdfast nodes list`")),
                    "what", what);
}

absl::Status UnknownIncarnationError(absl::string_view node_id) {
  return WithDetail(
      MakeError(
          absl::StatusCode::kUnavailable, "UNREACHABLE",
          absl::StrCat("node ", node_id, " did not say its incarnation; is it running at its peer address?")),
      "node_id", node_id);
}

absl::Status InvalidSpellError(absl::string_view field, absl::string_view wanted) {
  return WithDetail(MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                              absl::StrCat(field, " of a spell of local must be ", wanted)),
                    "field", field);
}

absl::Status SpellConflictError(absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS",
                              absl::StrCat(what, "; see `holdfast durability`")),
                    "what", what);
}

absl::Status VotersOutOfReachError(absl::string_view silent, uint32_t heard, uint32_t needed,
                                   absl::string_view otherwise) {
  absl::Status status = MakeError(
      absl::StatusCode::kUnavailable, "UNREACHABLE",
      absl::StrCat("only ", heard, " of the ", needed, " voters that must confirm this are in reach ('",
                   silent, "' is not); ", otherwise));
  status = WithDetail(status, "node_id", silent);
  status = WithDetail(status, "heard", absl::StrCat(heard));
  return WithDetail(status, "needed", absl::StrCat(needed));
}

absl::Status NotCaughtUpError(absl::string_view node_id, Revision holds, Revision needed) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "NOT_CAUGHT_UP",
                absl::StrCat("node ", node_id, " holds the log up to ", holds.ToString(),
                             ", a voter must hold ", needed.ToString(), "; wait until it has caught up"));
  status = WithDetail(status, "node_id", node_id);
  return WithDetail(status, "revision", holds.ToString());
}

bool IsNotCaughtUp(const absl::Status& status) { return ReasonOf(status) == "NOT_CAUGHT_UP"; }

absl::Status AlreadyInitializedError(absl::string_view node_id, absl::string_view cluster_id) {
  return WithDetail(MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_INITIALIZED",
                              absl::StrCat("node ", node_id, " belongs to cluster ", cluster_id,
                                           " already; a new cluster needs an empty data directory")),
                    "cluster_id", cluster_id);
}

absl::Status DrillRunningError(absl::string_view drill_id, absl::string_view operator_name,
                               absl::string_view host) {
  absl::Status status = MakeError(
      absl::StatusCode::kFailedPrecondition, "OPERATION_RUNNING",
      absl::StrCat("a rehearsal of ", operator_name, " on ", host, " runs here already; it ends by itself"));
  status = WithDetail(std::move(status), "operation", drill_id);
  status = WithDetail(std::move(status), "operator", operator_name);
  return WithDetail(std::move(status), "host", host);
}

absl::Status NoDrillNowError() {
  return MakeError(absl::StatusCode::kUnavailable, "DRAINING", "this node stops: no rehearsal is begun");
}

absl::Status DrillInterruptedError(absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "ABORTED", why);
}

absl::Status DrillTooSlowError(absl::Duration limit) {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE",
                   absl::StrCat("the rehearsal did not end within ", absl::FormatDuration(limit)));
}

absl::Status DrillMismatchError(absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "DIVERGED", what);
}

bool IsRefusal(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "PRECONDITION_FAILED" || reason == "REQUEST_ID_REUSED" || reason == "OUTCOME_UNKNOWABLE" ||
         reason == "REQUEST_ID_AHEAD" || reason == "COMPACTED" || reason == "REWOUND";
}

}  // namespace holdfast::primary
