#include "primary/commit_waiters.h"

namespace holdfast::primary {

void CommitWaiters::Add(Waiter waiter) {
  const std::pair<Revision, uint64_t> id(waiter.revision, next_id_++);
  deadlines_.emplace(waiter.deadline, id);
  waiters_.emplace(id, std::move(waiter));
}

CommitWaiters::Waiter CommitWaiters::Take(ById::iterator it) {
  deadlines_.erase({it->second.deadline, it->first});
  Waiter waiter = std::move(it->second);
  waiters_.erase(it);
  return waiter;
}

std::vector<CommitWaiters::Waiter> CommitWaiters::TakeVisible(Revision visible) {
  std::vector<Waiter> taken;
  while (!waiters_.empty() && waiters_.begin()->first.first <= visible)
    taken.push_back(Take(waiters_.begin()));
  return taken;
}

std::vector<CommitWaiters::Waiter> CommitWaiters::TakeExpired(absl::Duration now) {
  std::vector<Waiter> taken;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    taken.push_back(Take(waiters_.find(deadlines_.begin()->second)));
  }
  return taken;
}

std::vector<CommitWaiters::Waiter> CommitWaiters::TakeAbove(Revision revision) {
  std::vector<Waiter> taken;
  while (!waiters_.empty() && waiters_.rbegin()->first.first > revision) {
    taken.push_back(Take(std::prev(waiters_.end())));
  }
  return taken;
}

absl::Duration CommitWaiters::next_deadline() const {
  return deadlines_.empty() ? absl::InfiniteDuration() : deadlines_.begin()->first;
}

}  // namespace holdfast::primary
