#pragma once

#include <functional>

namespace holdfast::serving {

// A bounded place for work that may wait on disks: WorkerPool::TryPost in production, anything that runs the
// task later (or at once) in tests. False: too much waits already; the task was not taken. Any thread.
using TaskQueue = std::function<bool(std::function<void()>)>;

}  // namespace holdfast::serving
