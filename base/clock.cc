#include "base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace holdfast {
namespace {

class SystemClock : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  absl::Duration SinceBoot() override {
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace

Clock* RealClock() {
  static SystemClock* const clock = new SystemClock;  // never destroyed: threads may still ask at exit
  return clock;
}

}  // namespace holdfast
