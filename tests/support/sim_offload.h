#pragma once

#include <functional>

#include "absl/time/time.h"
#include "base/offload.h"
#include "base/random.h"
#include "tests/support/sim_executor.h"

namespace holdfast::testing {

// One worker on virtual time: work waits its turn, takes a while that the seed decides, and `done` comes back
// on the strand. One thread.
class SimOffload : public Offload {
 public:
  // All must outlive the offload. `worker` is a strand of its own, on which nothing else runs.
  SimOffload(SimExecutor* worker, SimExecutor* strand, Random* random, int max_queued = 16)
      : worker_(worker), strand_(strand), random_(random), max_queued_(max_queued) {}

  bool Run(std::function<void()> work, std::function<void()> done) override;

 private:
  static constexpr absl::Duration kMaxDuration = absl::Milliseconds(20);  // of a piece of work

  SimExecutor* const worker_;
  SimExecutor* const strand_;
  Random* const random_;
  const int max_queued_;
  int queued_ = 0;
};

}  // namespace holdfast::testing
