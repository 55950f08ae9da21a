#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/digest.h"
#include "base/mutex.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::primary {

// Requests on their way from the callers' threads to the strand: while one batch syncs, the next gathers
// here. Any thread. Bounded by kMaxQueuedCommits and kMaxQueuedCommitBytes.
class CommitQueue {
 public:
  struct Item {
    v1::CommitRequest request;
    Digest128 digest;
    std::string principal;
    absl::Duration deadline;  // SinceBoot
    std::function<void(absl::StatusOr<v1::CommitResponse>)> done;
    size_t bytes = 0;
  };

  enum class Pushed {
    kFull,
    kQueued,
    kFirst
  };  // kFirst: the queue was idle, so the caller must have it drained

  // `item` is moved from unless the queue is full.
  Pushed Push(Item& item);

  // The next requests of a batch: kMaxCommitsPerBatch, about kMaxBatchBytes. Empty: the queue is idle again,
  // the next Push says kFirst.
  std::vector<Item> TakeBatch();

 private:
  Mutex mu_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace holdfast::primary
