#pragma once

#include <optional>

#include "absl/time/time.h"

namespace holdfast::node {

// When damage that was met leads to a repair: at once the first time; if it comes back, later each time, so
// that a failing disk does not keep its node fetching snapshots and writing them beside the damaged files
// without end. A pure decider; times are Clock::SinceBoot. One strand.
class RepairSchedule {
 public:
  static constexpr absl::Duration kFirstPause = absl::Seconds(10);
  static constexpr absl::Duration kLongestPause = absl::Minutes(30);
  static constexpr absl::Duration kCalm = absl::Hours(2);  // after so long it is a new matter

  // Damage was met. How long to wait before Begin; nullopt if a repair waits or is under way already.
  std::optional<absl::Duration> OnDamage(absl::Duration now);

  // A repair begins now.
  void Begin(absl::Duration now);

  // It is done, or was refused: what is met from here on is new damage.
  void End() { busy_ = false; }

 private:
  bool busy_ = false;
  std::optional<absl::Duration> begun_;  // the last one
  absl::Duration pause_ = kFirstPause;   // from then to the next
};

}  // namespace holdfast::node
