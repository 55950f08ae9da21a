#pragma once

#include <algorithm>
#include <vector>

#include "absl/time/time.h"

namespace holdfast::drill {

// The longest time in which one place gave no answer, from its first answer to its last look. Times are since
// boot and do not go back. A plain value.
class ReadGap {
 public:
  void Answered(absl::Duration at) {
    if (answered_) longest_ = std::max(longest_, at - last_);
    answered_ = true;
    last_ = at;
  }

  // Also counts a silence that still lasts.
  absl::Duration LongestUntil(absl::Duration now) const {
    return answered_ ? std::max(longest_, now - last_) : absl::ZeroDuration();
  }

 private:
  bool answered_ = false;
  absl::Duration last_;
  absl::Duration longest_;
};

// Of several readers of one place together: their answers in any order, and a last look. Pure.
inline absl::Duration LongestGap(std::vector<absl::Duration> answered, absl::Duration until) {
  std::sort(answered.begin(), answered.end());
  ReadGap gap;
  for (const absl::Duration at : answered) gap.Answered(at);
  return gap.LongestUntil(until);
}

}  // namespace holdfast::drill
