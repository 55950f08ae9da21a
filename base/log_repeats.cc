#include "base/log_repeats.h"

#include <algorithm>

#include "base/limits.h"

namespace holdfast {

bool LogRepeats::Admit(const LogEvent& event, absl::Duration now) {
  const Kind kind(event.level, std::string(event.component), std::string(event.message));
  auto it = windows_.find(kind);
  if (it == windows_.end()) {
    if (windows_.size() >= kMaxLogKinds) return true;
    it = windows_.emplace(kind, Window{now + kWindow}).first;
    next_end_ = std::min(next_end_, it->second.end);
  }
  return ++it->second.seen_count <= kMaxPerWindow;
}

std::vector<LogRepeats::Dropped> LogRepeats::TakeDropped(absl::Duration now) {
  std::vector<Dropped> dropped;
  next_end_ = absl::InfiniteDuration();
  for (auto it = windows_.begin(); it != windows_.end();) {
    const auto& [kind, window] = *it;
    if (window.end > now) {
      next_end_ = std::min(next_end_, window.end);
      ++it;
      continue;
    }
    if (window.seen_count > kMaxPerWindow) {
      const auto& [level, component, message] = kind;
      dropped.push_back({level, component, message, window.seen_count - kMaxPerWindow});
    }
    it = windows_.erase(it);
  }
  return dropped;
}

}  // namespace holdfast
