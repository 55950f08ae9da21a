#include "admin/poll.h"

#include "base/mutex.h"

namespace holdfast::admin {

bool PollUntil(Clock& clock, absl::Duration timeout, const std::function<bool()>& done) {
  const absl::Duration end = clock.SinceBoot() + timeout;
  Mutex mu;
  CondVar never;
  while (!done()) {
    if (clock.SinceBoot() >= end) return false;
    MutexLock lock(&mu);
    never.WaitFor(&mu, kPollInterval, [] { return false; });
  }
  return true;
}

}  // namespace holdfast::admin
