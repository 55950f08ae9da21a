#pragma once

#include <functional>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/time/time.h"
#include "base/executor.h"
#include "base/random.h"
#include "tests/support/virtual_time.h"

namespace holdfast::testing {

// A strand on virtual time. Tasks run in the order of their due time, FIFO among equals, one per event;
// between two of them other strands may run. Each waking is late by a little that the seed decides. One
// thread.
class SimExecutor : public Executor {
 public:
  // All must outlive the strand. `clock` is the machine's: delays are measured on it.
  SimExecutor(VirtualTime* time, VirtualClock* clock, Random* random);
  ~SimExecutor() override;

  void Post(std::function<void()> task) override;
  TimerId PostAfter(absl::Duration delay, std::function<void()> task) override;
  bool Cancel(TimerId timer) override;

  // The process is stopped: nothing runs before `span` has passed.
  void PauseFor(absl::Duration span);

  // Drops what is queued; nothing runs or is queued afterwards. May be called from a task of this strand.
  void Shutdown();

 private:
  // How late a waking may be (uniform; half of them are not late).
  static constexpr absl::Duration kMaxLateness = absl::Microseconds(20);
  using Due = std::pair<absl::Duration, TimerId>;  // true time; ids grow, so equals run in order

  void ScheduleWake();
  void Wake();

  VirtualTime* const time_;
  VirtualClock* const clock_;
  Random* const random_;
  std::map<Due, std::function<void()>> tasks_;
  std::unordered_map<TimerId, absl::Duration> due_of_;
  TimerId next_timer_ = 1;
  absl::Duration paused_until_;
  VirtualTime::EventId wake_ = 0;
  absl::Duration wake_for_;  // the due time that `wake_` is for
  bool stopped_ = false;
};

}  // namespace holdfast::testing
