#pragma once

#include "absl/time/time.h"

namespace holdfast {

// The only source of time. Everything that measures or stamps takes a `Clock* const`; the simulator gives a
// virtual one. All methods may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time, for stamps that people read. May jump; never used to order events or to time anything out.
  virtual absl::Time Now() = 0;

  // Time since boot including suspend (CLOCK_BOOTTIME), for ages and time-outs. Never goes back within one
  // boot.
  virtual absl::Duration SinceBoot() = 0;
};

// The machine's clock. Lives as long as the process.
Clock* RealClock();

}  // namespace holdfast
