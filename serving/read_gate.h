#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"
#include "serving/lost_history.h"
#include "serving/shown.h"

// Decides whether, and at which revision, this node may answer a read now. Pure; any thread.
namespace holdfast::serving {

// What a read demands (v1::ReadOptions, checked).
struct ReadDemands {
  Revision min_revision;  // zero: none
  std::optional<absl::Duration> max_staleness;
  Revision at_revision;          // zero: the newest visible
  bool may_wait_for_at = false;  // later pages of a listing: `at` was visible elsewhere, so it will be here

  // INVALID_REQUEST for negative numbers.
  static absl::StatusOr<ReadDemands> From(const v1::ReadOptions& options);
};

// What the node can show.
struct NodeFacts {
  Shown shown;
  Revision floor;
  absl::Duration now;  // SinceBoot, not before `shown` was taken
};

// What to do with a read: answer it now, or when more is visible. A plain value.
struct ReadDecision {
  bool wait = false;  // until `revision` is visible; then ask again
  Revision revision;  // to read at, or to wait for
  Shown shown;        // what the decision rests on, and the answer's header says
  std::optional<absl::Duration> max_staleness;

  // STALE once what is shown has become older than was demanded: to be asked before the answer leaves, for a
  // process may have been stopped since the decision.
  absl::Status CheckFresh(absl::Duration now) const;
};

// Errors: STALE (max_staleness cannot be proven), COMPACTED, FUTURE_REVISION, REWOUND (a revision of a lost
// history, I5: never answered with less than the caller has seen).
absl::StatusOr<ReadDecision> DecideRead(const ReadDemands& demands, const NodeFacts& facts,
                                        const LostHistory& lost);

// A rewind or a snapshot came between the gate and a read at the newest revision: the gate is to be asked
// again (I12), so often.
bool ShouldAskAgain(const absl::Status& status, const ReadDemands& demands);
inline constexpr int kMaxReadAttempts = 3;

}  // namespace holdfast::serving
