#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"

namespace holdfast {

// Names the calling thread for debuggers and `top -H`; the kernel keeps 15 characters.
void NameThisThread(const std::string& name);

// Lets another thread run first, where a wait is shorter than any sleep.
void YieldThisThread();

// Runs closures one at a time, in the order of their due time (FIFO among equals): a strand. Protocol state
// that lives on a strand needs no lock. The production strand is one named thread; the simulator's strands
// share one virtual-time queue.
class Executor {
 public:
  using TimerId = uint64_t;  // 0 is never a timer

  virtual ~Executor() = default;

  // Queues `task`. Any thread. After Shutdown the task is destroyed without being run.
  virtual void Post(std::function<void()> task) = 0;

  // Queues `task` to run no earlier than `delay` from now (SinceBoot time). Any thread.
  virtual TimerId PostAfter(absl::Duration delay, std::function<void()> task) = 0;

  // Forgets a timer that has not begun. False if it has run, is running, or was cancelled before. Any thread.
  virtual bool Cancel(TimerId timer) = 0;
};

// One thread with a name. The destructor, or Shutdown, drops
// what is queued, waits for the running task and joins; it must not be called from the strand itself.
class ThreadExecutor : public Executor {
 public:
  ThreadExecutor(std::string name, Clock* clock);
  ~ThreadExecutor() override;

  void Post(std::function<void()> task) override;
  TimerId PostAfter(absl::Duration delay, std::function<void()> task) override;
  bool Cancel(TimerId timer) override;

  void Shutdown();

  // Runs `task` on the strand and waits for it. Must not be called from the strand. Returns without running
  // it after Shutdown.
  void RunAndWait(std::function<void()> task);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A bounded pool for work that may wait on disks: ranges, history, snapshots. `TryPost` refuses (returns
// false) when `max_queued` tasks wait, so that the caller can answer RESOURCE_EXHAUSTED. With `niceness`
// above 0 (at most 19) the scheduler prefers all other threads. Destructor: as ThreadExecutor.
class WorkerPool {
 public:
  WorkerPool(const std::string& name, int thread_count, int max_queued, int niceness = 0);
  ~WorkerPool();

  [[nodiscard]] bool TryPost(std::function<void()> task);
  void Shutdown();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast
