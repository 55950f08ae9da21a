#pragma once

#include <algorithm>

#include "absl/time/time.h"

namespace holdfast::replication {

// When an upstream that an operator has chosen by hand is tried, beside the automatic choice: at first, and
// after it has failed later each time, so that a follower is never stuck on one that is gone; what it follows
// meanwhile is chosen as ever. Times are SinceBoot. A plain value.
class PinSchedule {
 public:
  static constexpr absl::Duration kFirstRetry = absl::Seconds(1);
  static constexpr absl::Duration kMaxRetry = absl::Seconds(32);
  // It counts as one that feeds after so long: one that comes and goes is tried as seldom as one that is
  // gone.
  static constexpr absl::Duration kProven = absl::Seconds(10);

  bool IsDue(absl::Duration now) const { return now >= due_; }

  // It was tried, or asked, in vain.
  void OnFailure(absl::Duration now) {
    due_ = now + std::min(kMaxRetry, kFirstRetry * (int64_t{1} << std::min(failures_, 5)));
    ++failures_;
  }
  // It has fed for `time`.
  void OnFed(absl::Duration time) {
    if (time >= kProven) failures_ = 0;
  }
  // Something more urgent comes first: a new primary calls.
  void Rest(absl::Duration now, absl::Duration time) { due_ = std::max(due_, now + time); }
  // Another choice.
  void Reset() { *this = PinSchedule(); }

 private:
  absl::Duration due_ = -absl::InfiniteDuration();
  int failures_ = 0;
};

}  // namespace holdfast::replication
