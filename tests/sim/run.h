#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/sim/story.h"

namespace holdfast::sim {

// What came of one seed.
struct RunResult {
  uint64_t seed = 0;
  std::string scenario;
  std::vector<std::string> violations;  // empty: all invariants held
  std::vector<std::string> last_lines;  // of the story
  Coverage coverage;
  absl::Duration virtual_time;
  uint64_t event_count = 0;
};

// Runs one seed from the first start of a cluster to its convergence after the last fault. The same seed
// gives the same run, event for event. Not reentrant (SQLite's randomness is the process's).
RunResult RunSeed(uint64_t seed, bool verbose);

}  // namespace holdfast::sim
