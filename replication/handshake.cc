#include "replication/handshake.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

HandshakeVerdict Refuse(absl::Status status) {
  HandshakeVerdict verdict;
  verdict.refusal = std::move(status);
  return verdict;
}

HandshakeVerdict Say(v1::FollowDecision decision, Position ancestor = {}) {
  HandshakeVerdict verdict;
  verdict.decision = decision;
  verdict.ancestor = ancestor;
  return verdict;
}

// Who it is, and whether it may follow this node at all.
absl::Status CheckFollower(const v1::FollowHello& hello, const UpstreamState& self) {
  if (hello.node_id().empty() || hello.incarnation().empty()) {
    return InvalidMessageError("hello", "without node id or incarnation");
  }
  if (!hello.cluster_id().empty() && hello.cluster_id() != self.cluster_id) {
    return WrongClusterError(self.cluster_id, hello.cluster_id());
  }
  const auto feeds = [&hello](const std::string& node) { return node == hello.node_id(); };
  std::vector<std::string> path = self.fed_through;
  path.insert(path.begin(), self.node_id);
  if (std::any_of(path.begin(), path.end(), feeds)) return FollowLoopError(path);
  if (std::count(hello.fed_through().begin(), hello.fed_through().end(), self.node_id) > 0) {
    return FollowLoopError({hello.fed_through().begin(), hello.fed_through().end()});
  }
  if (self.fed_through.size() + 1 >= kMaxRelayDepth) {
    return InvalidMessageError("fed_through", "too many relays in a row");
  }
  if (!self.follower_is_member) return NotAMemberError(hello.node_id());
  return absl::OkStatus();
}

struct TheirLog {
  Position appended;
  std::vector<Position> ends;
};

absl::StatusOr<TheirLog> ReadPositions(const v1::FollowHello& hello) {
  TheirLog theirs;
  HF_ASSIGN_OR_RETURN(theirs.appended, storage::FromProto(hello.appended()));
  for (const v1::LogPosition& end : hello.epoch_ends()) {
    HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(end));
    if (!theirs.ends.empty() && theirs.ends.back().revision >= position.revision) {
      return BrokenChainError(position.revision, "the ends of epochs are out of order");
    }
    theirs.ends.push_back(position);
  }
  if (!theirs.appended.revision.is_zero() && (theirs.ends.empty() || theirs.ends.back() != theirs.appended)) {
    return BrokenChainError(theirs.appended.revision,
                            "the last end of an epoch is not the follower's position");
  }
  return theirs;
}

HandshakeVerdict::Learned Learn(const v1::FollowHello& hello, const Position& appended,
                                const UpstreamState& self, const LogView& log) {
  const bool primary = self.standing == UpstreamState::kPrimary || self.standing == UpstreamState::kSuspended;
  if (!primary) return HandshakeVerdict::kNothing;
  if (appended.revision.epoch() > self.stream.epoch) return HandshakeVerdict::kHigherEpoch;
  if (hello.promise().epoch() > self.stream.epoch) return HandshakeVerdict::kHigherPromise;
  if (appended.revision.epoch() == self.stream.epoch && appended.revision > log.End().revision) {
    return HandshakeVerdict::kOwnEpochAhead;
  }
  return HandshakeVerdict::kNothing;
}

// The follower has records that this log lacks, or lacks records that this log has.
HandshakeVerdict Compare(const v1::FollowHello& hello, const TheirLog& theirs, const UpstreamState& self,
                         const EpochHistory& history, const LogView& log) {
  const CommonAncestor common = FindCommonAncestor(history, log, theirs.ends);
  if (common.kind == CommonAncestor::kForked) {
    return Refuse(
        DivergedError(common.position.revision, "both logs have a record of this revision, and they differ"));
  }
  if (common.kind == CommonAncestor::kUnknown) return Say(v1::FOLLOW_DECISION_SNAPSHOT);
  const Position& ancestor = common.position;
  if (MutantActive(Mutant::kSnapshotBelowOwn) && ancestor == log.End() && ancestor != theirs.appended)
    return Say(v1::FOLLOW_DECISION_SNAPSHOT);
  if (ancestor == log.End())
    return Say(v1::FOLLOW_DECISION_CONTINUE, ancestor);  // a shorter log cuts nothing (R13)
  const std::optional<Position> next = log.After(ancestor.revision);
  if (!next) return Say(v1::FOLLOW_DECISION_SNAPSHOT);  // compacted here
  if (ancestor == theirs.appended) return Say(v1::FOLLOW_DECISION_CONTINUE, ancestor);
  if (ancestor.revision < Revision(hello.floor_revision())) return Say(v1::FOLLOW_DECISION_SNAPSHOT);
  if (theirs.appended.revision.epoch() >= self.stream.epoch) {
    return Refuse(DivergedError(next->revision, "the logs conflict within the epoch of the stream"));
  }
  HandshakeVerdict verdict = Say(v1::FOLLOW_DECISION_REWIND, ancestor);
  verdict.conflict = next;
  return verdict;
}

}  // namespace

HandshakeVerdict DecideHandshake(const v1::FollowHello& hello, const UpstreamState& self,
                                 const EpochHistory& history, const LogView& log) {
  if (self.standing == UpstreamState::kNoStream) return Refuse(NoUpstreamError(self.node_id));
  if (absl::Status status = CheckFollower(hello, self); !status.ok()) return Refuse(std::move(status));
  const absl::StatusOr<TheirLog> theirs = ReadPositions(hello);
  if (!theirs.ok()) return Refuse(theirs.status());

  if (const auto learned = Learn(hello, theirs->appended, self, log); learned != HandshakeVerdict::kNothing) {
    const bool fenced = learned == HandshakeVerdict::kHigherEpoch;
    HandshakeVerdict verdict = Say(fenced ? v1::FOLLOW_DECISION_FENCED : v1::FOLLOW_DECISION_SUSPENDED);
    verdict.learned = learned;
    return verdict;
  }
  if (self.standing == UpstreamState::kFenced) return Say(v1::FOLLOW_DECISION_FENCED);
  // R11: the follower would have to refuse this stream; say so before anything is sent.
  if (const auto admitted = AdmitStream(hello.promise(), self.stream); !admitted.ok())
    return Refuse(admitted.status());
  if (self.standing == UpstreamState::kSuspended) return Say(v1::FOLLOW_DECISION_SUSPENDED);
  if (log.End().revision.is_zero()) return Refuse(NoUpstreamError(self.node_id));

  HandshakeVerdict verdict;
  if (theirs->appended.revision.is_zero()) {
    const std::optional<Position> first = log.After(Revision());
    // A relay that nobody feeds lends snapshots and feeds nobody: so a new node gets a copy with no primary
    // left. As long as nothing is committed there is nothing to copy, and the follower may be the voter
    // without which nothing ever will be.
    const bool is_short = log.End().revision.index() <= kMaxRecordsInsteadOfSnapshot;
    const bool whole = first && (is_short || !self.has_committed) && self.standing != UpstreamState::kUnfed;
    verdict = Say(whole ? v1::FOLLOW_DECISION_CONTINUE : v1::FOLLOW_DECISION_SNAPSHOT);
  } else {
    verdict = Compare(hello, *theirs, self, history, log);
  }
  const bool stream =
      verdict.decision == v1::FOLLOW_DECISION_CONTINUE || verdict.decision == v1::FOLLOW_DECISION_REWIND;
  if (self.standing == UpstreamState::kUnfed && stream) return Refuse(NoUpstreamError(self.node_id));
  return verdict;
}

void FillHello(const HelloPositions& positions, const EpochHistory& history, const LogView& log,
               v1::FollowHello* hello) {
  *hello->mutable_appended() = storage::ToProto(positions.appended);
  *hello->mutable_committed() = storage::ToProto(positions.committed);
  hello->set_floor_revision(positions.floor.number());
  for (const Position& end : history.KnownEnds(log)) *hello->add_epoch_ends() = storage::ToProto(end);
}

}  // namespace holdfast::replication
