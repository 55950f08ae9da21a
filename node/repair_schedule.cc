#include "node/repair_schedule.h"

#include <algorithm>

namespace holdfast::node {

std::optional<absl::Duration> RepairSchedule::OnDamage(absl::Duration now) {
  if (busy_) return std::nullopt;
  busy_ = true;
  if (!begun_) return absl::ZeroDuration();
  return std::max(absl::ZeroDuration(), *begun_ + pause_ - now);
}

void RepairSchedule::Begin(absl::Duration now) {
  const bool is_new_matter = !begun_ || now - *begun_ > kCalm;
  // The pause before the first repeat is the first one, not twice that.
  pause_ = is_new_matter ? kFirstPause : std::min(2 * pause_, kLongestPause);
  begun_ = now;
}

}  // namespace holdfast::node
