#pragma once

#include <algorithm>
#include <vector>

namespace holdfast::drill {

// The middle and the worst of some figures. A plain value.
struct Spread {
  double median = 0;
  double maximum = 0;
};

// All zero without figures. Of an even number the median is the mean of the two in the middle. Pure.
inline Spread SpreadOf(std::vector<double> figures) {
  if (figures.empty()) return {};
  std::sort(figures.begin(), figures.end());
  const size_t middle = figures.size() / 2;
  const double upper = figures[middle];
  const double lower = figures.size() % 2 == 0 ? figures[middle - 1] : upper;
  return {(lower + upper) / 2, figures.back()};
}

}  // namespace holdfast::drill
