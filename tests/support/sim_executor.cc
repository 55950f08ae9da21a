#include "tests/support/sim_executor.h"

#include <algorithm>

namespace holdfast::testing {

SimExecutor::SimExecutor(VirtualTime* time, VirtualClock* clock, Random* random)
    : time_(time), clock_(clock), random_(random) {}

SimExecutor::~SimExecutor() { Shutdown(); }

void SimExecutor::Post(std::function<void()> task) { PostAfter(absl::ZeroDuration(), std::move(task)); }

Executor::TimerId SimExecutor::PostAfter(absl::Duration delay, std::function<void()> task) {
  if (stopped_) return 0;
  const TimerId timer = next_timer_++;
  const absl::Duration due = time_->now() + clock_->ToTrue(std::max(delay, absl::ZeroDuration()));
  tasks_.emplace(Due(due, timer), std::move(task));
  due_of_.emplace(timer, due);
  ScheduleWake();
  return timer;
}

bool SimExecutor::Cancel(TimerId timer) {
  const auto found = due_of_.find(timer);
  if (found == due_of_.end()) return false;
  auto node = tasks_.extract(Due(found->second, timer));
  due_of_.erase(found);
  return true;  // a wake without a task does nothing
}

void SimExecutor::PauseFor(absl::Duration span) {
  paused_until_ = std::max(paused_until_, time_->now() + span);
  time_->Cancel(wake_);
  wake_ = 0;
  ScheduleWake();
}

void SimExecutor::Shutdown() {
  stopped_ = true;
  time_->Cancel(wake_);
  wake_ = 0;
  due_of_.clear();
  std::map<Due, std::function<void()>> dropped;
  dropped.swap(tasks_);  // destructors of tasks may call Cancel
}

void SimExecutor::ScheduleWake() {
  if (stopped_ || tasks_.empty()) return;
  const absl::Duration due = std::max({tasks_.begin()->first.first, time_->now(), paused_until_});
  if (wake_ != 0) {
    if (wake_for_ <= due) return;
    time_->Cancel(wake_);
  }
  absl::Duration late;
  if (random_->Below(2) == 0) late = kMaxLateness * random_->Fraction();
  wake_for_ = due;
  wake_ = time_->At(due + late, [this] { Wake(); });
}

void SimExecutor::Wake() {
  wake_ = 0;
  if (!tasks_.empty() && tasks_.begin()->first.first <= time_->now()) {
    auto node = tasks_.extract(tasks_.begin());
    due_of_.erase(node.key().second);
    node.mapped()();
    // The task may have shut the strand down, but never destroys it.
  }
  ScheduleWake();
}

}  // namespace holdfast::testing
