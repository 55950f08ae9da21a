#include "base/executor.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"

namespace holdfast {

void NameThisThread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

void YieldThisThread() { std::this_thread::yield(); }

struct ThreadExecutor::State {
  using Due = std::pair<absl::Duration, TimerId>;  // SinceBoot time; ids grow, so equals run in order

  Mutex mu;
  CondVar wake;
  std::deque<std::function<void()>> ready ABSL_GUARDED_BY(mu);
  std::map<Due, std::function<void()>> timers ABSL_GUARDED_BY(mu);
  std::map<TimerId, absl::Duration> due_of ABSL_GUARDED_BY(mu);
  TimerId next_timer ABSL_GUARDED_BY(mu) = 1;
  bool stopping ABSL_GUARDED_BY(mu) = false;
  Clock* clock;
  std::thread thread;

  void MoveDueTimers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
    const absl::Duration now = clock->SinceBoot();
    while (!timers.empty() && timers.begin()->first.first <= now) {
      due_of.erase(timers.begin()->first.second);
      ready.push_back(std::move(timers.begin()->second));
      timers.erase(timers.begin());
    }
  }

  // The next task, or nullptr to stop.
  std::function<void()> Next() {
    MutexLock lock(&mu);
    for (;;) {
      if (stopping) return nullptr;
      MoveDueTimers();
      if (!ready.empty()) {
        std::function<void()> task = std::move(ready.front());
        ready.pop_front();
        return task;
      }
      const auto woken = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return stopping || !ready.empty(); };
      if (timers.empty()) {
        wake.Wait(&mu, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
          return stopping || !ready.empty() || !timers.empty();
        });
      } else {
        const Due first = timers.begin()->first;
        wake.WaitFor(&mu, first.first - clock->SinceBoot(), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) {
          return woken() || timers.empty() || timers.begin()->first < first;
        });
      }
    }
  }

  void Run() {
    while (std::function<void()> task = Next()) task();
  }
};

ThreadExecutor::ThreadExecutor(std::string name, Clock* clock) : state_(std::make_unique<State>()) {
  state_->clock = clock;
  state_->thread = std::thread([state = state_.get(), name = std::move(name)] {
    NameThisThread(name);
    state->Run();
  });
}

ThreadExecutor::~ThreadExecutor() { Shutdown(); }

void ThreadExecutor::Post(std::function<void()> task) {
  MutexLock lock(&state_->mu);
  if (state_->stopping) return;
  state_->MoveDueTimers();  // they were due before this task
  state_->ready.push_back(std::move(task));
  state_->wake.NotifyOne();
}

Executor::TimerId ThreadExecutor::PostAfter(absl::Duration delay, std::function<void()> task) {
  MutexLock lock(&state_->mu);
  if (state_->stopping) return 0;
  const TimerId timer = state_->next_timer++;
  const absl::Duration due = state_->clock->SinceBoot() + std::max(delay, absl::ZeroDuration());
  state_->timers.emplace(State::Due(due, timer), std::move(task));
  state_->due_of.emplace(timer, due);
  state_->wake.NotifyOne();
  return timer;
}

bool ThreadExecutor::Cancel(TimerId timer) {
  std::function<void()> dropped;  // destroyed outside the lock
  MutexLock lock(&state_->mu);
  const auto it = state_->due_of.find(timer);
  if (it == state_->due_of.end()) return false;
  const auto due = state_->timers.find(State::Due(it->second, timer));
  dropped = std::move(due->second);
  state_->timers.erase(due);
  state_->due_of.erase(it);
  return true;
}

void ThreadExecutor::Shutdown() {
  if (!state_->thread.joinable()) return;
  HF_CHECK(std::this_thread::get_id() != state_->thread.get_id(), "a strand cannot shut itself down");
  std::deque<std::function<void()>> ready;
  std::map<State::Due, std::function<void()>> timers;
  {
    MutexLock lock(&state_->mu);
    state_->stopping = true;
    ready.swap(state_->ready);
    timers.swap(state_->timers);
    state_->due_of.clear();
    state_->wake.NotifyAll();
  }
  state_->thread.join();
}

void ThreadExecutor::RunAndWait(std::function<void()> task) {
  struct Waiter {
    Mutex mu;
    CondVar done_changed;
    bool done ABSL_GUARDED_BY(mu) = false;
  };
  auto waiter = std::make_shared<Waiter>();
  // Set when the task has run, or when the strand drops it unrun.
  auto signal = std::shared_ptr<void>(nullptr, [waiter](void*) {
    MutexLock lock(&waiter->mu);
    waiter->done = true;
    waiter->done_changed.NotifyAll();
  });
  Post([task = std::move(task), signal = std::move(signal)] { task(); });
  MutexLock lock(&waiter->mu);
  waiter->done_changed.Wait(&waiter->mu,
                            [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(waiter->mu) { return waiter->done; });
}

struct WorkerPool::State {
  Mutex mu;
  CondVar wake;
  std::deque<std::function<void()>> queue ABSL_GUARDED_BY(mu);
  bool stopping ABSL_GUARDED_BY(mu) = false;
  size_t max_queued;
  std::vector<std::thread> threads;

  void Run() {
    for (;;) {
      std::function<void()> task;
      {
        MutexLock lock(&mu);
        wake.Wait(&mu, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu) { return stopping || !queue.empty(); });
        if (stopping) return;
        task = std::move(queue.front());
        queue.pop_front();
      }
      task();
    }
  }
};

WorkerPool::WorkerPool(const std::string& name, int thread_count, int max_queued, int niceness)
    : state_(std::make_unique<State>()) {
  state_->max_queued = static_cast<size_t>(max_queued);
  for (int i = 0; i < thread_count; ++i) {
    state_->threads.emplace_back([state = state_.get(), name, niceness] {
      NameThisThread(name);
      // Linux keeps a niceness for each thread. Being less nice than asked is no failure.
      if (niceness > 0) (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
      state->Run();
    });
  }
}

WorkerPool::~WorkerPool() { Shutdown(); }

bool WorkerPool::TryPost(std::function<void()> task) {
  MutexLock lock(&state_->mu);
  if (state_->stopping || state_->queue.size() >= state_->max_queued) return false;
  state_->queue.push_back(std::move(task));
  state_->wake.NotifyOne();
  return true;
}

void WorkerPool::Shutdown() {
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(&state_->mu);
    state_->stopping = true;
    dropped.swap(state_->queue);
    state_->wake.NotifyAll();
  }
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace holdfast
