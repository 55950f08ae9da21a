#pragma once

#include <functional>

#include "absl/time/time.h"
#include "base/clock.h"

namespace holdfast::admin {

inline constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

// Asks `done` now and every kPollInterval until it says true or `timeout` has passed; false then. For
// conditions of other processes, which nothing here can signal.
bool PollUntil(Clock& clock, absl::Duration timeout, const std::function<bool()>& done);

}  // namespace holdfast::admin
