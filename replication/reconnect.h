#pragma once

#include <optional>

#include "absl/time/time.h"
#include "base/backoff.h"
#include "base/random.h"

namespace holdfast::replication {

// When to connect again: exponential back-off with jitter, or, where an upstream that goes away gave a
// window, once at a random moment of that window, so that a hundred followers do not come back together. One
// thread.
class Reconnect {
 public:
  explicit Reconnect(Random* random)
      : backoff_({.initial = absl::Milliseconds(50), .maximum = absl::Seconds(1)}, random),
        random_(random) {}  // `random` must outlive this

  // The window of the upstream that goes away; counts for the next delay only. Bounded by
  // kMaxReconnectWindow.
  void Spread(absl::Duration window);
  absl::Duration NextDelay();
  void OnSuccess() { backoff_.Reset(); }

 private:
  Backoff backoff_;
  Random* const random_;
  std::optional<absl::Duration> window_;
};

}  // namespace holdfast::replication
