#pragma once

#include "base/mutex.h"

namespace holdfast {

// Closed until opened, once. Lets a test hold a thread at a known place without sleeping. Any thread. (Not
// absl::Notification: it gives false races under ThreadSanitizer.)
class Gate {
 public:
  void Open() {
    MutexLock lock(&mu_);
    open_ = true;
    opened_.NotifyAll();
  }

  void Wait() {
    MutexLock lock(&mu_);
    opened_.Wait(&mu_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return open_; });
  }

 private:
  Mutex mu_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace holdfast
