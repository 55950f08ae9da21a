#include "serving/watch_ring.h"

#include <algorithm>
#include <utility>

namespace holdfast::serving {

void WatchRing::Reset(Revision base) {
  commits_.clear();
  bytes_ = 0;
  base_ = base;
}

void WatchRing::Push(EncodedCommitPtr commit) {
  bytes_ += commit->memory_bytes();
  commits_.push_back(std::move(commit));
  while (bytes_ > max_bytes_ && commits_.size() > 1) {
    base_ = commits_.front()->revision();
    bytes_ -= commits_.front()->memory_bytes();
    commits_.pop_front();
  }
}

void WatchRing::CutAfter(Revision ancestor) {
  while (!commits_.empty() && commits_.back()->revision() > ancestor) {
    bytes_ -= commits_.back()->memory_bytes();
    commits_.pop_back();
  }
  base_ = std::min(base_, ancestor);
}

size_t WatchRing::FirstAfter(Revision revision) const {
  const auto it = std::upper_bound(
      commits_.begin(), commits_.end(), revision,
      [](Revision wanted, const EncodedCommitPtr& commit) { return wanted < commit->revision(); });
  return static_cast<size_t>(it - commits_.begin());
}

}  // namespace holdfast::serving
