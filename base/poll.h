#pragma once

#include <functional>

#include "absl/time/time.h"
#include "base/clock.h"

namespace holdfast {

inline constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

// Holds the calling thread up for `delay`. Never on a strand.
void Pause(absl::Duration delay);

// Asks `done` now and every kPollInterval until it says true or `timeout` has passed; false then. For
// conditions of other processes, which nothing here can signal.
bool PollUntil(Clock& clock, absl::Duration timeout, const std::function<bool()>& done);

}  // namespace holdfast
