#include "primary/commit_queue.h"

#include <utility>

#include "base/limits.h"

namespace holdfast::primary {

CommitQueue::Pushed CommitQueue::Push(Item& item) {
  MutexLock lock(&mu_);
  if (items_.size() >= static_cast<size_t>(kMaxQueuedCommits) ||
      bytes_ + item.bytes > kMaxQueuedCommitBytes) {
    return Pushed::kFull;
  }
  bytes_ += item.bytes;
  items_.push_back(std::move(item));
  if (draining_) return Pushed::kQueued;
  draining_ = true;
  return Pushed::kFirst;
}

std::vector<CommitQueue::Item> CommitQueue::TakeBatch() {
  std::vector<Item> batch;
  size_t batch_bytes = 0;
  MutexLock lock(&mu_);
  while (!items_.empty() && batch.size() < static_cast<size_t>(kMaxCommitsPerBatch)) {
    if (!batch.empty() && batch_bytes + items_.front().bytes > kMaxBatchBytes) break;
    batch_bytes += items_.front().bytes;
    batch.push_back(std::move(items_.front()));
    items_.pop_front();
  }
  bytes_ -= batch_bytes;
  if (batch.empty()) draining_ = false;
  return batch;
}

}  // namespace holdfast::primary
