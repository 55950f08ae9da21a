#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <unordered_map>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"

namespace holdfast::testing {

// The one queue of everything that happens in a simulated world. Time stands still while an event runs and
// jumps to the next one. Events that are due at the same moment run in an order drawn from the seed, so that
// nothing can rely on it; whoever needs an order keeps its own queue behind one event (SimExecutor,
// SimConnection). One thread.
class VirtualTime {
 public:
  using EventId = uint64_t;  // 0 is never an event

  explicit VirtualTime(uint64_t seed);

  // Since the world began.
  absl::Duration now() const { return now_; }

  // Runs `event` at `at` (at once if that has passed).
  EventId At(absl::Duration at, std::function<void()> event);
  EventId After(absl::Duration delay, std::function<void()> event) {
    return At(now_ + delay, std::move(event));
  }

  // False if it has run or is unknown.
  bool Cancel(EventId event);

  // Runs the next event. False if there is none.
  bool RunNext();

  // Runs all that is due in the next `span`, then stands at its end.
  void RunFor(absl::Duration span);

  // Runs events until `reached` holds (asked after each) or `limit` has passed; returns whether it holds.
  bool RunUntil(const std::function<bool()>& reached, absl::Duration limit);

  uint64_t event_count() const { return event_count_; }

 private:
  using Key = std::tuple<absl::Duration, uint64_t, EventId>;  // due, tie-breaker from the seed, id

  std::unique_ptr<Random> random_;
  absl::Duration now_;
  EventId next_event_ = 1;
  uint64_t event_count_ = 0;
  std::map<Key, std::function<void()>> events_;
  std::unordered_map<EventId, Key> key_of_;
};

// The clock of one machine. It may run fast or slow and show another wall time, but never goes back.
class VirtualClock : public Clock {
 public:
  struct Options {
    double rate = 1.0;                                 // local seconds per true second
    absl::Duration boot_offset = absl::Seconds(1000);  // SinceBoot when the world began
    absl::Time wall_origin = absl::FromUnixSeconds(1'800'000'000);
  };

  explicit VirtualClock(VirtualTime* time);  // `time` must outlive the clock
  VirtualClock(VirtualTime* time, Options options);

  absl::Time Now() override;
  absl::Duration SinceBoot() override;

  // Moves the wall clock, as a person or NTP does. Ages and time-outs must not care.
  void JumpWall(absl::Duration by) { options_.wall_origin += by; }

  // How much true time passes while this clock counts `local`.
  absl::Duration ToTrue(absl::Duration local) const;

 private:
  VirtualTime* const time_;
  Options options_;
};

}  // namespace holdfast::testing
