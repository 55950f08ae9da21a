#include "replication/reconnect.h"

#include <algorithm>

#include "base/limits.h"

namespace holdfast::replication {

void Reconnect::Spread(absl::Duration window) {
  if (window > absl::ZeroDuration()) window_ = std::min(window, kMaxReconnectWindow);
}

absl::Duration Reconnect::NextDelay() {
  if (!window_) return backoff_.Next();
  const absl::Duration delay = *window_ * random_->Fraction();
  window_.reset();
  return delay;
}

}  // namespace holdfast::replication
