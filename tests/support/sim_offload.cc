#include "tests/support/sim_offload.h"

#include <utility>

namespace holdfast::testing {

bool SimOffload::Run(std::function<void()> work, std::function<void()> done) {
  if (queued_ >= max_queued_) return false;
  ++queued_;
  worker_->PostAfter(kMaxDuration * random_->Fraction(),
                     [this, work = std::move(work), done = std::move(done)] {
                       --queued_;
                       work();
                       strand_->Post(done);
                     });
  return true;
}

}  // namespace holdfast::testing
