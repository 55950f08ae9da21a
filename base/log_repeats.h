#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/logging.h"

namespace holdfast {

// Decides which lines of a storm are written: of each kind (level, component, message; fields do not count)
// at most `kMaxPerWindow` in `kWindow`. What was dropped is counted and reported by TakeDropped. Remembers at
// most kMaxLogKinds kinds; lines of further kinds pass. A pure decider for one thread at a time.
class LogRepeats {
 public:
  static constexpr int kMaxPerWindow = 10;
  static constexpr absl::Duration kWindow = absl::Seconds(10);

  // Lines of one kind that were dropped in a window that has ended.
  struct Dropped {
    LogLevel level;
    std::string component;
    std::string message;
    int64_t count;
  };

  // Whether the line is to be written. `now` is SinceBoot time.
  bool Admit(const LogEvent& event, absl::Duration now);

  // Forgets the windows that have ended by `now` and tells what was dropped in them.
  std::vector<Dropped> TakeDropped(absl::Duration now);

  // The first time at which TakeDropped may have something to tell; infinite if nothing is remembered.
  absl::Duration next_end() const { return next_end_; }

 private:
  using Kind = std::tuple<LogLevel, std::string, std::string>;
  struct Window {
    absl::Duration end;
    int64_t seen_count = 0;
  };

  std::map<Kind, Window> windows_;
  absl::Duration next_end_ = absl::InfiniteDuration();
};

}  // namespace holdfast
