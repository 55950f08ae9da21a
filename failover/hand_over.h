#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/position.h"
#include "failover/node_parts.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/lifetime.h"

namespace holdfast::failover {

// The first part of a switchover, at its candidate, while the old primary is still one:
//
//   pre-copy  the candidate is brought close, and is being fed, while commits go on
//   freeze    the primary admits no commits any more, for a bounded time; what is in its log ends there
//   drain     the candidate holds that end, and so do those who are to vote next, as far as they come in time
//
// Nothing of it is durable, and the primary admits commits again by itself: safety does not rest on it, only
// the shortness of the pause. Strand.
class HandOver {
 public:
  struct Options : NodeParts {
    std::string primary;                // whose role is handed over
    std::set<std::string> next_voters;  // by the plan
    uint64_t ending_epoch = 0;
    std::function<void(const std::string& name)> on_step;         // a step begins
    std::function<void(const std::string& detail)> on_step_done;  // and has been taken
  };
  // `done` is called once, unless this is destroyed: OK when the candidate holds all; NOT_CAUGHT_UP,
  // UNREACHABLE, DEADLINE, errors of AcceptFreeze.
  HandOver(Options options, std::function<void(const absl::Status&)> done);

  void Begin();
  // Nothing more is done, and `done` is not called.
  void Stop();
  // The primary may admit commits again at once. No answer is waited for.
  void Thaw();
  // SinceBoot, when the primary was asked to stop; nothing before.
  std::optional<absl::Duration> frozen_at() const { return frozen_at_; }

 private:
  void LookHowFar();
  void Freeze();
  void Drain();
  void LookWhoHolds();
  bool AllHold() const;
  std::string Drained() const;
  void End(const absl::Status& status);
  v1::FreezeRequest Request(absl::Duration hold) const;

  const Options options_;
  std::function<void(const absl::Status&)> done_;
  absl::Duration until_;
  std::optional<absl::Duration> frozen_at_;
  absl::Duration drain_at_;            // SinceBoot
  std::string held_;                   // when the candidate held all, for people
  Position end_;                       // of the primary's log
  std::map<std::string, bool> holds_;  // who answered, and whether it has that end
  int open_ = 0;
  replication::Lifetime life_;
};

}  // namespace holdfast::failover
