#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/drill/findings.h"
#include "tests/drill/history.h"

namespace holdfast::drill {

// What one watcher was told, in the order it was told. A plain value.
class WatchLog {
 public:
  void Event(const Change& change) { told_.push_back(change); }

  // The history that it had been told was cut behind `common` (DESIGN 4, Rewind): what it was told of later
  // revisions is void, and `restored` is the state of the keys that they had touched.
  void Rewound(int64_t common, const std::vector<Change>& restored);

  const std::vector<Change>& told() const { return told_; }
  int64_t rewinds() const { return rewinds_; }
  const std::vector<Change>& restored() const { return restored_; }

 private:
  std::vector<Change> told_;
  std::vector<Change> restored_;
  int64_t rewinds_ = 0;
};

struct WatchVerdict {
  int64_t events = 0;
  int64_t missing = 0;
  int64_t repeated = 0;
  int64_t disordered = 0;  // behind a later one
  int64_t invented = 0;    // not in the history, restored state included
  Findings findings;

  bool good() const { return missing + repeated + disordered + invented == 0; }
};

// Holds a watcher of all keys against the truth between two revisions, the later one included (I11). Pure.
WatchVerdict JudgeWatch(const std::string& watcher, const WatchLog& log, const History& history,
                        int64_t after, int64_t up_to);

}  // namespace holdfast::drill
