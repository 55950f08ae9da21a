#pragma once

#include <string>
#include <vector>

#include "tests/drill/outcome.h"

namespace holdfast::drill {

// A median that is promised. A plain value.
struct Target {
  std::string figure;
  double median = 0;
  double below = 0;
  bool met() const { return median < below; }
};

// Several runs: counts are sums; times as medians and maxima. A plain value that borrows nothing.
class Summary {
 public:
  // `timed`: the promised medians are judged too.
  Summary(std::vector<Outcome> outcomes, bool timed);

  // All runs passed, and all targets that are judged were met.
  bool passed() const;
  const std::vector<Target>& targets() const { return targets_; }

  // One JSON object on one line, with each run's object in it.
  std::string ToJson() const;
  // At most 100 places wide.
  std::string ToText() const;

 private:
  int64_t passed_count() const;

  const std::vector<Outcome> outcomes_;
  std::vector<Target> targets_;
};

}  // namespace holdfast::drill
