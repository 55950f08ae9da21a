#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/position.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/epoch_history.h"
#include "replication/log_view.h"
#include "replication/stream_gate.h"

namespace holdfast::replication {

// What an upstream is while it answers a hello. A plain value.
struct UpstreamState {
  enum Standing {
    kPrimary,    // admits commits
    kRelay,      // is fed by the primary itself or by another relay
    kUnfed,      // has a copy, but no upstream now: can lend a snapshot, no stream
    kSuspended,  // a primary that admits nothing for now (suspended, or recovering)
    kFenced,     // a former primary
    kNoStream,   // has promised higher than what it has followed (R12), or has no cluster: nothing to feed
  };
  Standing standing = kNoStream;
  std::string cluster_id;
  std::string node_id;
  StreamIdentity stream;
  std::vector<std::string> fed_through;  // who feeds this node, nearest first, without itself
  bool has_committed = true;             // false: there is nothing yet that a snapshot could show (R15)
  bool follower_is_member = false;       // by the newest inventory that this node has
};

// What the upstream does about a hello.
struct HandshakeVerdict {
  absl::Status refusal;  // not OK: the stream ends with it, and nothing else counts but `learned`
  v1::FollowDecision decision = v1::FOLLOW_DECISION_UNSPECIFIED;
  Position ancestor;                 // where the stream begins: the last record that both have
  std::optional<Position> conflict;  // with REWIND: the first record of the stream after it (R13)

  // What a primary has learned about itself from the hello; it must act on it before it does anything else
  // (R17).
  enum Learned {
    kNothing,
    kHigherPromise,  // suspended from now on
    kHigherEpoch,    // fenced from now on
    kOwnEpochAhead,  // the follower holds more of this epoch than its primary does: this log has lost its end
                     // (R18)
  };
  Learned learned = kNothing;
};

// Decides a hello (DESIGN 4, Follow; R8, R11 to R13). Nothing is decided by number alone: positions count
// only where hashes agree. A log that is merely shorter cuts nothing (CONTINUE from its end); what is cut
// must conflict with a record that the verdict names and must not be of the stream's own epoch; what cannot
// be confirmed, or lies below the follower's floor, needs a snapshot. Refusals: WRONG_CLUSTER, NOT_A_MEMBER,
// FOLLOW_LOOP, LOWER_EPOCH, PROMISED_ELSEWHERE, CHAIN_BROKEN, DIVERGED, INVALID_REQUEST, UNREACHABLE.
HandshakeVerdict DecideHandshake(const v1::FollowHello& hello, const UpstreamState& self,
                                 const EpochHistory& history, const LogView& log);

// The hello's side of it: everything that DecideHandshake asks for about a log.
struct HelloPositions {
  Position appended;
  Position committed;
  Revision floor;
};
void FillHello(const HelloPositions& positions, const EpochHistory& history, const LogView& log,
               v1::FollowHello* hello);

}  // namespace holdfast::replication
