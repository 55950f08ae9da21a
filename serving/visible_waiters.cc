#include "serving/visible_waiters.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace holdfast::serving {

struct VisibleWaiters::State {
  struct Waiter {
    uint64_t id = 0;
    Callback callback;
    Executor::TimerId timer = 0;
  };

  Executor* timers = nullptr;
  mutable Mutex mu;
  Revision visible ABSL_GUARDED_BY(mu);
  std::multimap<Revision, Waiter> waiters ABSL_GUARDED_BY(mu);
  uint64_t next_id ABSL_GUARDED_BY(mu) = 1;

  Waiter* Find(Revision revision, uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const auto [begin, end] = waiters.equal_range(revision);
    const auto it = std::find_if(begin, end, [id](const auto& entry) { return entry.second.id == id; });
    return it == end ? nullptr : &it->second;
  }

  // Calls everyone who waits for `upto` or less.
  void Fire(Revision now, Revision upto) {
    std::vector<Waiter> fired;
    {
      MutexLock lock(&mu);
      visible = now;
      const auto end = waiters.upper_bound(upto);
      for (auto it = waiters.begin(); it != end; ++it) fired.push_back(std::move(it->second));
      waiters.erase(waiters.begin(), end);
    }
    for (const Waiter& waiter : fired) {
      timers->Cancel(waiter.timer);
      waiter.callback(true);
    }
  }

  void TimeOut(Revision revision, uint64_t id) {
    Callback callback;
    {
      MutexLock lock(&mu);
      const auto [begin, end] = waiters.equal_range(revision);
      const auto it = std::find_if(begin, end, [id](const auto& entry) { return entry.second.id == id; });
      if (it == end) return;
      callback = std::move(it->second.callback);
      waiters.erase(it);
    }
    callback(false);
  }

  void SetTimer(Revision revision, uint64_t id, Executor::TimerId timer) {
    {
      MutexLock lock(&mu);
      if (Waiter* waiter = Find(revision, id)) {
        waiter->timer = timer;
        return;
      }
    }
    timers->Cancel(timer);  // it was called in the meantime
  }
};

VisibleWaiters::VisibleWaiters(Executor* timers, Revision visible) : state_(std::make_shared<State>()) {
  state_->timers = timers;
  MutexLock lock(&state_->mu);
  state_->visible = visible;
}

VisibleWaiters::~VisibleWaiters() = default;

bool VisibleWaiters::Wait(Revision revision, absl::Duration timeout, Callback callback) {
  uint64_t id = 0;
  {
    MutexLock lock(&state_->mu);
    if (state_->visible < revision) {
      if (state_->waiters.size() >= size_t{kMaxVisibleWaiters}) return false;
      id = state_->next_id++;
      state_->waiters.emplace(revision, State::Waiter{id, nullptr, 0})->second.callback.swap(callback);
    }
  }
  if (id == 0) {
    callback(true);
    return true;
  }
  const Executor::TimerId timer =
      state_->timers->PostAfter(timeout, [weak = std::weak_ptr<State>(state_), revision, id] {
        if (const auto state = weak.lock()) state->TimeOut(revision, id);
      });
  state_->SetTimer(revision, id, timer);
  return true;
}

int VisibleWaiters::count() const {
  MutexLock lock(&state_->mu);
  return static_cast<int>(state_->waiters.size());
}

void VisibleWaiters::OnVisible(const Position& visible) { state_->Fire(visible.revision, visible.revision); }

// Everybody looks again: what they wait for may be a lost history now.
void VisibleWaiters::OnRewound(const Position& ancestor, const Position& visible_before,
                               const std::vector<std::string>&) {
  state_->Fire(std::min(ancestor.revision, visible_before.revision),
               Revision(Revision::kMaxEpoch, Revision::kMaxIndex));
}

void VisibleWaiters::OnReplaced(const Position& position) {
  state_->Fire(position.revision, Revision(Revision::kMaxEpoch, Revision::kMaxIndex));
}

}  // namespace holdfast::serving
