#include "base/poll.h"

#include "base/mutex.h"

namespace holdfast {

// A wait on a condition that never comes.
void Pause(absl::Duration delay) {
  Mutex mu;
  CondVar never;
  MutexLock lock(&mu);
  never.WaitFor(&mu, delay, [] { return false; });
}

bool PollUntil(Clock& clock, absl::Duration timeout, const std::function<bool()>& done) {
  const absl::Duration end = clock.SinceBoot() + timeout;
  while (!done()) {
    if (clock.SinceBoot() >= end) return false;
    Pause(kPollInterval);
  }
  return true;
}

}  // namespace holdfast
