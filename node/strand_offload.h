#pragma once

#include <functional>
#include <utility>

#include "base/executor.h"
#include "base/offload.h"

namespace holdfast::node {

// Work on a pool, its end on the strand. Both must outlive this.
class StrandOffload : public Offload {
 public:
  StrandOffload(WorkerPool* pool, Executor* strand) : pool_(pool), strand_(strand) {}

  bool Run(std::function<void()> work, std::function<void()> done) override {
    return pool_->TryPost([strand = strand_, work = std::move(work), done = std::move(done)]() mutable {
      work();
      strand->Post(std::move(done));
    });
  }

 private:
  WorkerPool* const pool_;
  Executor* const strand_;
};

}  // namespace holdfast::node
