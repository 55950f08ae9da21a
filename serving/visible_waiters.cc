#include "serving/visible_waiters.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"

namespace holdfast::serving {
namespace {

constexpr Revision kAll(Revision::kMaxEpoch, Revision::kMaxIndex);

}  // namespace

struct VisibleWaiters::State {
  struct Waiter {
    uint64_t id = 0;
    Callback callback;
    Executor::TimerId timer = 0;
  };

  Executor* timers = nullptr;
  const storage::Store* store = nullptr;
  mutable Mutex mu;
  std::multimap<Revision, Waiter> waiters ABSL_GUARDED_BY(mu);
  uint64_t next_id ABSL_GUARDED_BY(mu) = 1;

  Waiter* Find(Revision revision, uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const auto [begin, end] = waiters.equal_range(revision);
    const auto it = std::find_if(begin, end, [id](const auto& entry) { return entry.second.id == id; });
    return it == end ? nullptr : &it->second;
  }

  // Calls everyone who waits for `upto` or less.
  void Fire(Revision upto) {
    std::vector<Waiter> fired;
    {
      MutexLock lock(&mu);
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

VisibleWaiters::VisibleWaiters(Executor* timers, const storage::Store* store)
    : state_(std::make_shared<State>()) {
  state_->timers = timers;
  state_->store = store;
}

VisibleWaiters::~VisibleWaiters() = default;

bool VisibleWaiters::Wait(Revision revision, absl::Duration timeout, Callback callback) {
  uint64_t id = 0;
  {
    MutexLock lock(&state_->mu);
    // The store itself is asked, with the lock: what it shows later finds this one in the list. What was told
    // of last may be more than is shown, in the middle of a rewind.
    if (state_->store->visible().revision < revision) {
      if (state_->waiters.size() >= size_t{kMaxVisibleWaiters}) return false;
      id = state_->next_id++;
      state_->waiters.emplace(revision, State::Waiter{id, nullptr, 0})->second.callback.swap(callback);
    }
  }
  const std::weak_ptr<State> weak = state_;
  if (id == 0) {
    state_->timers->Post([weak, callback = std::move(callback)] {
      if (weak.lock() != nullptr) callback(true);
    });
    return true;
  }
  const Executor::TimerId timer = state_->timers->PostAfter(timeout, [weak, revision, id] {
    if (const auto state = weak.lock()) state->TimeOut(revision, id);
  });
  state_->SetTimer(revision, id, timer);
  return true;
}

int VisibleWaiters::count() const {
  MutexLock lock(&state_->mu);
  return static_cast<int>(state_->waiters.size());
}

void VisibleWaiters::OnVisible(const Position& visible) { state_->Fire(visible.revision); }

// Everybody looks again: what they wait for may be a lost history now.
void VisibleWaiters::OnRewound(const Position&, const Position&, const std::vector<std::string>&) {
  state_->Fire(kAll);
}

void VisibleWaiters::OnReplaced(const Position&) { state_->Fire(kAll); }

}  // namespace holdfast::serving
