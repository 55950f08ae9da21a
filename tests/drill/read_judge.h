#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/drill/findings.h"
#include "tests/drill/history.h"

namespace holdfast::drill {

// One answer to one reader.
struct Observation {
  absl::Duration at;             // since boot, when the answer was there
  int key = 0;                   // what was asked for
  int64_t revision = 0;          // of the node, by the header: a read shows exactly this one
  int64_t modified = 0;          // the key's
  std::optional<int64_t> write;  // that the value names; none: a value that nobody ever wrote
};

struct ReadVerdict {
  int64_t reads = 0;
  int64_t wrong = 0;
  Findings findings;
};

// Holds what one reader of one node was shown, in order, against the truth. An answer may be old, but never
// older than the one before it, and it must be exactly what the history says of its own revision: a value
// that was overwritten at or below that revision is a stale read, one that nobody committed an invented one.
// Pure.
ReadVerdict JudgeReads(const std::string& reader, const std::vector<Observation>& observations,
                       const History& history);

}  // namespace holdfast::drill
