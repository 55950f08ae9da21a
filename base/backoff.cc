#include "base/backoff.h"

#include <algorithm>

namespace holdfast {

absl::Duration Backoff::Next() {
  constexpr int kMaxDoublings = 20;
  const absl::Duration bound =
      std::min(options_.maximum, options_.initial * (int64_t{1} << std::min(attempts_, kMaxDoublings)));
  if (attempts_ < kMaxDoublings) ++attempts_;
  return bound / 2 + bound / 2 * random_->Fraction();
}

}  // namespace holdfast
