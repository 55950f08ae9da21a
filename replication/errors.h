#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/revision.h"
#include "holdfast/v1/replication.pb.h"

// Every failure of replication/, each with its one reason (base/error.h; the table of reason.proto says what
// a caller does with it). Any thread.
namespace holdfast::replication {

// WRONG_CLUSTER. The peer belongs to another cluster; never right, however often it is tried.
absl::Status WrongClusterError(absl::string_view expected, absl::string_view found);
// NOT_A_MEMBER. The inventory does not know this node; says `holdfast nodes add`.
absl::Status NotAMemberError(absl::string_view node_id);
// LOWER_EPOCH. R1, R11: this node has promised to accept nothing below `promised`.
absl::Status LowerEpochError(uint64_t promised, uint64_t epoch);
// PROMISED_ELSEWHERE. R2: this very epoch was promised to another candidate.
absl::Status PromisedElsewhereError(const v1::EpochPromise& promise);
// Names it in the details of a refusal: promised_epoch, candidate, operation, operator, host.
absl::Status WithPromise(absl::Status status, const v1::EpochPromise& promise);
// CHAIN_BROKEN. Bytes or positions of a peer that do not fit together (I3); the stream ends and nothing of it
// is kept.
absl::Status BrokenChainError(Revision revision, absl::string_view what);
// DIVERGED. Two records with one revision, or a conflict within one epoch (I4): a person must look.
absl::Status DivergedError(Revision revision, absl::string_view what);

// SUSPENDED. The primary is being handed over, and commits wait for a moment; the same again soon.
absl::Status HandingOverError(absl::string_view candidate);

// DIVERGED. Another log parts from this one at `ancestor`, below what was shown here: a person must say which
// of both is kept (R20).
absl::Status BranchesError(absl::string_view node_id, Revision ancestor, Revision visible);
// FOLLOW_LOOP. The follower feeds, directly or not, the node that it wants to follow.
absl::Status FollowLoopError(const std::vector<std::string>& path);
// SNAPSHOT_BUSY. As many copies as a node makes at a time are being made or read.
absl::Status SnapshotBusyError(absl::Duration retry_after);
// SNAPSHOT_GONE. The copy does not exist (any more) here; ask for a new one.
absl::Status SnapshotGoneError(absl::string_view snapshot_id);
// SNAPSHOT_ALTERED. What arrived is not what the manifest says, or must not be taken.
absl::Status SnapshotRefusedError(absl::string_view snapshot_id, absl::string_view why);
// NOT_CAUGHT_UP. This node shows nothing that the asker does not have; later, or at another node.
absl::Status NotCaughtUpError(absl::string_view node_id, Revision revision);
// RESOURCE_EXHAUSTED. The log was cut or replaced, and the members that it names now could not be read yet;
// the same again soon.
absl::Status InventoryNotReadError();
// INVALID_REQUEST. A message that no node of ours sends.
absl::Status InvalidMessageError(absl::string_view field, absl::string_view what);
// CONFLICTING_SETTINGS. A rule that no log may carry.
absl::Status ImpossibleRuleError(absl::string_view what);
// CONFLICTING_SETTINGS. The node's role or kind does not allow it.
absl::Status WrongRoleError(absl::string_view what);
// CONFLICTING_SETTINGS. R3: no committed record has given this incarnation a slot, or the epoch is another
// slot's.
absl::Status WithoutSlotError(absl::string_view node_id);
absl::Status OthersEpochError(uint64_t epoch, uint32_t slot);
// UNREACHABLE. The stream was silent for too long, or this relay has no upstream itself.
absl::Status SilentPeerError(absl::Duration silence);
absl::Status NoUpstreamError(absl::string_view node_id);
// DRAINING. This node stops; `try_addresses` may be asked instead.
absl::Status StoppingError(const std::vector<std::string>& try_addresses);

// Why a node admits no commits (Replica::CanAdmit).
absl::Status NotPrimaryError(absl::string_view primary_node, absl::string_view primary_address);
absl::Status StandbyError(absl::string_view primary_node, absl::string_view primary_address);
absl::Status NoPrimaryError(absl::Duration since);
absl::Status NotInitializedError(absl::string_view node_id);
absl::Status RecoveringError(absl::string_view waiting_for);
// `node_id`: the former primary.
absl::Status SuspendedError(absl::string_view node_id, uint64_t promised_epoch);
absl::Status FencedError(absl::string_view node_id, uint64_t epoch, absl::string_view primary_address);
absl::Status AlreadyInitializedError(absl::string_view cluster_id);

}  // namespace holdfast::replication
