#include "serving/lost_history_tracker.h"

#include <algorithm>
#include <utility>

namespace holdfast::serving {

LostHistoryTracker::LostHistoryTracker(const storage::Store* store) : store_(store) {
  Refresh(store_->visible().revision);
}

LostHistory LostHistoryTracker::Now() const {
  MutexLock lock(&mu_);
  return history_;
}

void LostHistoryTracker::Refresh(Revision visible) {
  epoch_ = visible.epoch();
  LostHistory history(store_->milestones(), visible);
  MutexLock lock(&mu_);
  history_ = std::move(history);
}

void LostHistoryTracker::OnVisible(const Position& visible) {
  bool known;
  {
    MutexLock lock(&mu_);
    known = !history_.empty();
  }
  if (!known || visible.revision.epoch() != epoch_) Refresh(visible.revision);
}

void LostHistoryTracker::OnRewound(const Position& ancestor, const Position& visible_before,
                                   const std::vector<std::string>& touched_keys) {
  Refresh(std::min(ancestor.revision, visible_before.revision));
}

void LostHistoryTracker::OnReplaced(const Position& visible) { Refresh(visible.revision); }

}  // namespace holdfast::serving
