#include "tests/support/virtual_time.h"

#include <algorithm>
#include <utility>

namespace holdfast::testing {

VirtualTime::VirtualTime(uint64_t seed) : random_(SeededRandom(seed)) {}

VirtualTime::EventId VirtualTime::At(absl::Duration at, std::function<void()> event) {
  const EventId id = next_event_++;
  const Key key(std::max(at, now_), random_->Next64(), id);
  events_.emplace(key, std::move(event));
  key_of_.emplace(id, key);
  return id;
}

bool VirtualTime::Cancel(EventId event) {
  const auto found = key_of_.find(event);
  if (found == key_of_.end()) return false;
  auto node = events_.extract(found->second);  // destroyed last: its destructor may come back here
  key_of_.erase(found);
  return true;
}

bool VirtualTime::RunNext() {
  if (events_.empty()) return false;
  auto node = events_.extract(events_.begin());
  key_of_.erase(std::get<2>(node.key()));
  now_ = std::get<0>(node.key());
  ++event_count_;
  node.mapped()();
  return true;
}

void VirtualTime::RunFor(absl::Duration span) {
  const absl::Duration end = now_ + span;
  while (!events_.empty() && std::get<0>(events_.begin()->first) <= end) RunNext();
  now_ = end;
}

bool VirtualTime::RunUntil(const std::function<bool()>& reached, absl::Duration limit) {
  const absl::Duration end = now_ + limit;
  while (!reached()) {
    if (events_.empty() || std::get<0>(events_.begin()->first) > end) {
      now_ = end;
      return reached();
    }
    RunNext();
  }
  return true;
}

VirtualClock::VirtualClock(VirtualTime* time) : VirtualClock(time, Options()) {}

VirtualClock::VirtualClock(VirtualTime* time, Options options) : time_(time), options_(options) {}

absl::Time VirtualClock::Now() { return options_.wall_origin + time_->now() * options_.rate; }

absl::Duration VirtualClock::SinceBoot() { return options_.boot_offset + time_->now() * options_.rate; }

absl::Duration VirtualClock::ToTrue(absl::Duration local) const { return local / options_.rate; }

}  // namespace holdfast::testing
