#pragma once

#include "base/clock.h"
#include "base/mutex.h"

namespace holdfast {

// A clock that stands still until it is told to move. Any thread.
class ManualClock : public Clock {
 public:
  absl::Time Now() override { return absl::FromUnixSeconds(1'700'000'000) + SinceBoot(); }

  absl::Duration SinceBoot() override {
    MutexLock lock(&mu_);
    return since_boot_;
  }

  void Advance(absl::Duration step) {
    MutexLock lock(&mu_);
    since_boot_ += step;
  }

 private:
  Mutex mu_;
  absl::Duration since_boot_ ABSL_GUARDED_BY(mu_) = absl::Seconds(100);
};

}  // namespace holdfast
