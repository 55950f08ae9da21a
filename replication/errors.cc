#include "replication/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/limits.h"

namespace holdfast::replication {
namespace {

using absl::StatusCode;

absl::Status WithPrimary(absl::Status status, absl::string_view node, absl::string_view address) {
  return WithDetail(WithDetail(std::move(status), "primary_node", node), "primary_address", address);
}

// What to do about two nodes that should hold the same and do not.
constexpr char kLookAtBoth[] =
    ". `holdfast verify` shows which node differs from the others: stop it, keep its data directory for "
    "review, and start "
    "it with an empty one";

}  // namespace

absl::Status WrongClusterError(absl::string_view expected, absl::string_view found) {
  absl::Status status = MakeError(StatusCode::kFailedPrecondition, "WRONG_CLUSTER",
                                  absl::StrCat("this node belongs to cluster ", expected, ", the other to ",
                                               found, "; check the addresses in the configuration"));
  return WithDetail(WithDetail(status, "expected", expected), "found", found);
}

absl::Status NotAMemberError(absl::string_view node_id) {
  return WithDetail(
      MakeError(StatusCode::kFailedPrecondition, "NOT_A_MEMBER",
                absl::StrCat("node '", node_id,
                             "' is not a member of this cluster; admit it with `holdfast nodes add ", node_id,
                             "`")),
      "node_id", node_id);
}

absl::Status LowerEpochError(uint64_t promised, uint64_t epoch) {
  absl::Status status =
      MakeError(StatusCode::kFailedPrecondition, "LOWER_EPOCH",
                absl::StrCat("epoch ", epoch, " is below the promised epoch ", promised,
                             ": its primary has been superseded; `holdfast status` shows the "
                             "one of now"));
  return WithDetail(WithDetail(status, "promised_epoch", absl::StrCat(promised)), "epoch",
                    absl::StrCat(epoch));
}

absl::Status PromisedElsewhereError(const v1::EpochPromise& promise) {
  absl::Status status =
      MakeError(StatusCode::kFailedPrecondition, "PROMISED_ELSEWHERE",
                absl::StrCat("epoch ", promise.epoch(), " is promised to '", promise.candidate_node_id(),
                             "' (operation ", promise.operation_id(), " of ", promise.operator_name(), ")"));
  return WithPromise(WithDetail(status, "epoch", absl::StrCat(promise.epoch())), promise);
}

absl::Status WithPromise(absl::Status status, const v1::EpochPromise& promise) {
  status = WithDetail(std::move(status), "promised_epoch", absl::StrCat(promise.epoch()));
  status = WithDetail(std::move(status), "candidate", promise.candidate_node_id());
  status = WithDetail(std::move(status), "operation", promise.operation_id());
  status = WithDetail(std::move(status), "operator", promise.operator_name());
  return WithDetail(std::move(status), "host", promise.host());
}

absl::Status BrokenChainError(Revision revision, absl::string_view what) {
  return WithDetail(MakeError(StatusCode::kDataLoss, "CHAIN_BROKEN",
                              absl::StrCat("at ", revision.ToString(), ": ", what, kLookAtBoth)),
                    "revision", revision.ToString());
}

absl::Status DivergedError(Revision revision, absl::string_view what) {
  return WithDetail(MakeError(StatusCode::kDataLoss, "DIVERGED",
                              absl::StrCat("at ", revision.ToString(), ": ", what, kLookAtBoth)),
                    "revision", revision.ToString());
}

absl::Status HandingOverError(absl::string_view candidate) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "SUSPENDED",
                   absl::StrCat("this primary is being handed over to '", candidate,
                                "'; commits go on there, or here, in a moment"));
}

absl::Status BranchesError(absl::string_view node_id, Revision ancestor, Revision visible) {
  return WithDetail(
      MakeError(StatusCode::kDataLoss, "DIVERGED",
                absl::StrCat("another log parts from that of '", node_id, "' at ", ancestor.ToString(),
                             ", and '", node_id, "' has shown commits up to ", visible.ToString(),
                             ": a person chooses one of both branches; next: holdfast promote ", node_id,
                             " --dry-run")),
      "revision", ancestor.ToString());
}

absl::Status FollowLoopError(const std::vector<std::string>& path) {
  const std::string joined = absl::StrJoin(path, " <- ");
  return WithDetail(MakeError(StatusCode::kFailedPrecondition, "FOLLOW_LOOP",
                              absl::StrCat("the follower feeds this node itself: ", joined)),
                    "path", joined);
}

absl::Status SnapshotBusyError(absl::Duration retry_after) {
  return WithDetail(
      MakeError(StatusCode::kResourceExhausted, "SNAPSHOT_BUSY",
                "this node makes as many snapshots as it may; come back later or ask another node"),
      "retry_after_ms", absl::StrCat(absl::ToInt64Milliseconds(retry_after)));
}

absl::Status SnapshotGoneError(absl::string_view snapshot_id) {
  return WithDetail(
      MakeError(StatusCode::kNotFound, "SNAPSHOT_GONE",
                absl::StrCat("snapshot ", snapshot_id, " is not here any more; ask for a new one")),
      "snapshot_id", snapshot_id);
}

absl::Status SnapshotRefusedError(absl::string_view snapshot_id, absl::string_view why) {
  return WithDetail(MakeError(StatusCode::kDataLoss, "SNAPSHOT_ALTERED",
                              absl::StrCat("snapshot ", snapshot_id, " is not taken: ", why)),
                    "snapshot_id", snapshot_id);
}

absl::Status NotCaughtUpError(absl::string_view node_id, Revision revision) {
  absl::Status status = MakeError(StatusCode::kFailedPrecondition, "NOT_CAUGHT_UP",
                                  absl::StrCat("'", node_id, "' shows only up to ", revision.ToString(),
                                               ", which the asker has already"));
  return WithDetail(WithDetail(status, "node_id", node_id), "revision", revision.ToString());
}

absl::Status InventoryNotReadError() {
  return MakeError(
      StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
      "a part of the log was replaced, and the members that it names could not be read yet; try again");
}

absl::Status InvalidMessageError(absl::string_view field, absl::string_view what) {
  return WithDetail(
      MakeError(StatusCode::kInvalidArgument, "INVALID_REQUEST", absl::StrCat(field, ": ", what)), "field",
      field);
}

absl::Status ImpossibleRuleError(absl::string_view what) {
  return WithDetail(MakeError(StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS",
                              absl::StrCat("impossible durability rule: ", what)),
                    "what", what);
}

absl::Status WrongRoleError(absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS", what), "what",
                    what);
}

absl::Status WithoutSlotError(absl::string_view node_id) {
  return WrongRoleError(absl::StrCat("no record has given this incarnation of '", node_id, "' a slot"));
}

absl::Status OthersEpochError(uint64_t epoch, uint32_t slot) {
  return WrongRoleError(
      absl::StrCat("epoch ", epoch, " belongs to slot ", epoch % kMaxServers, ", this node has slot ", slot));
}

absl::Status SilentPeerError(absl::Duration silence) {
  return MakeError(StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("the other node was silent for ", absl::FormatDuration(silence)));
}

absl::Status NoUpstreamError(absl::string_view node_id) {
  return MakeError(StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("'", node_id, "' follows nobody at the moment and can feed nobody"));
}

absl::Status StoppingError(const std::vector<std::string>& try_addresses) {
  return WithDetail(MakeError(StatusCode::kUnavailable, "DRAINING", "this node stops"), "try_address",
                    absl::StrJoin(try_addresses, ","));
}

absl::Status NotPrimaryError(absl::string_view primary_node, absl::string_view primary_address) {
  return WithPrimary(MakeError(StatusCode::kFailedPrecondition, "NOT_PRIMARY",
                               absl::StrCat("this is a read-only proxy; commits go to the primary '",
                                            primary_node, "' at ", primary_address)),
                     primary_node, primary_address);
}

absl::Status StandbyError(absl::string_view primary_node, absl::string_view primary_address) {
  return WithPrimary(MakeError(StatusCode::kFailedPrecondition, "STANDBY",
                               absl::StrCat("this is a standby; commits go to the primary '", primary_node,
                                            "' at ", primary_address, ", reads to any proxy")),
                     primary_node, primary_address);
}

absl::Status NoPrimaryError(absl::Duration since) {
  return WithDetail(MakeError(StatusCode::kFailedPrecondition, "NO_PRIMARY",
                              absl::StrCat("no primary has been heard for ",
                                           absl::FormatDuration(absl::Trunc(since, absl::Milliseconds(1))),
                                           "; reads go on, commits must wait")),
                    "since", absl::FormatDuration(since));
}

absl::Status NotInitializedError(absl::string_view node_id) {
  return WithDetail(
      MakeError(StatusCode::kFailedPrecondition, "NOT_INITIALIZED",
                absl::StrCat("'", node_id,
                             "' belongs to no cluster yet; begin one with `holdfast init`, or have "
                             "this node admitted with `holdfast nodes add`")),
      "node_id", node_id);
}

absl::Status RecoveringError(absl::string_view waiting_for) {
  return WithDetail(MakeError(StatusCode::kUnavailable, "RECOVERING",
                              absl::StrCat("the primary has restarted and waits for ", waiting_for)),
                    "waiting_for", waiting_for);
}

absl::Status SuspendedError(absl::string_view node_id, uint64_t promised_epoch) {
  return WithDetail(MakeError(StatusCode::kFailedPrecondition, "SUSPENDED",
                              absl::StrCat("the primary '", node_id, "' has learned of a promise for epoch ",
                                           promised_epoch,
                                           " and admits nothing; commits wait for the primary to come. Once "
                                           "`holdfast status` shows it, next: holdfast rejoin ",
                                           node_id, "; if nobody goes on with that epoch: holdfast promote ",
                                           node_id, " --in-place --dry-run")),
                    "promised_epoch", absl::StrCat(promised_epoch));
}

absl::Status FencedError(absl::string_view node_id, uint64_t epoch, absl::string_view primary_address) {
  absl::Status status = MakeError(
      StatusCode::kFailedPrecondition, "FENCED",
      absl::StrCat("epoch ", epoch, " has begun elsewhere; the former primary '", node_id,
                   "' is read-only. Commit at the new primary (`holdfast status` shows it); what "
                   "this one alone holds goes to salvage when it comes back, next: holdfast rejoin ",
                   node_id));
  return WithDetail(WithDetail(status, "epoch", absl::StrCat(epoch)), "primary_address", primary_address);
}

absl::Status AlreadyInitializedError(absl::string_view cluster_id) {
  return WithDetail(MakeError(StatusCode::kAlreadyExists, "ALREADY_INITIALIZED",
                              absl::StrCat("this node belongs to cluster ", cluster_id, " already")),
                    "cluster_id", cluster_id);
}

}  // namespace holdfast::replication
