#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/virtual_time.h"

namespace holdfast::sim {

// What happened in a run, for people: one line per event with its virtual time. Keeps the last lines, so that
// a violation can be read without a second run; `verbose` prints each at once. One thread.
class Story {
 public:
  Story(const testing::VirtualTime* time, bool verbose) : time_(time), verbose_(verbose) {}

  void Note(absl::string_view who, absl::string_view what);
  const std::deque<std::string>& last_lines() const { return lines_; }

 private:
  static constexpr size_t kMaxLines = 60;

  const testing::VirtualTime* const time_;
  const bool verbose_;
  std::deque<std::string> lines_;
};

// What a run, or many, came across. Names are promises: tests demand that some are not zero.
class Coverage {
 public:
  void Count(const std::string& what, int64_t times = 1) { counts_[what] += times; }
  int64_t Get(const std::string& what) const;
  void Add(const Coverage& other);
  const std::map<std::string, int64_t>& counts() const { return counts_; }

 private:
  std::map<std::string, int64_t> counts_;
};

// Broken invariants, in the order they were seen. A run goes on for a little after the first, but is lost.
class Violations {
 public:
  explicit Violations(Story* story) : story_(story) {}

  // `invariant` as the design numbers it: "I4", "R14".
  void Add(absl::string_view invariant, absl::string_view what);
  bool empty() const { return lines_.empty(); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  static constexpr size_t kMaxLines = 10;

  Story* const story_;
  std::vector<std::string> lines_;
};

}  // namespace holdfast::sim
