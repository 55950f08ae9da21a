#pragma once

#include <string>
#include <vector>

namespace holdfast::drill {

// What is wrong, in sentences: the first few of each judge, since one fault often shows a thousand times. A
// plain value.
class Findings {
 public:
  static constexpr size_t kMaxShown = 5;

  void Add(const std::string& finding) {
    if (shown_.size() < kMaxShown) shown_.push_back(finding);
  }
  const std::vector<std::string>& shown() const { return shown_; }

 private:
  std::vector<std::string> shown_;
};

}  // namespace holdfast::drill
