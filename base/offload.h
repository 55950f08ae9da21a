#pragma once

#include <functional>

namespace holdfast {

// Runs work that may wait on disks away from the strand that asks, and comes back to it. Production: a
// WorkerPool and the strand; the simulator: inline after a virtual delay.
class Offload {
 public:
  virtual ~Offload() = default;

  // Runs `work` on some thread, then `done` on the strand. False if too much is queued (neither runs). After
  // shutdown `done` may never run.
  [[nodiscard]] virtual bool Run(std::function<void()> work, std::function<void()> done) = 0;
};

}  // namespace holdfast
