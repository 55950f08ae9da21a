#pragma once

#include <algorithm>
#include <atomic>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace holdfast::drill {

// Ends waits early: said once, heard by all who wait. Any thread.
class Halt {
 public:
  void Now() {
    MutexLock lock(&mu_);
    halted_ = true;
    cv_.NotifyAll();
  }

  // True if it was said within `time`. A time in the past only looks.
  bool Within(absl::Duration time) {
    MutexLock lock(&mu_);
    return cv_.WaitFor(&mu_, time, [this] { return halted_.load(); });
  }

  bool is_said() const { return halted_; }
  const std::atomic<bool>* flag() const { return &halted_; }

 private:
  Mutex mu_;
  CondVar cv_;
  std::atomic<bool> halted_{false};
};

// When the next of so many a second is due: by the plan, so that one that took long is made up for; but at
// most a second's worth. One thread.
class Pace {
 public:
  Pace(double per_second, absl::Duration now) : step_(absl::Seconds(1) / per_second), due_(now) {}

  // How long to wait from `now` on; not above zero if it is due already.
  absl::Duration Next(absl::Duration now) {
    due_ = std::max(due_ + step_, now - absl::Seconds(1));
    return due_ - now;
  }

 private:
  const absl::Duration step_;
  absl::Duration due_;
};

}  // namespace holdfast::drill
