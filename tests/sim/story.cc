#include "tests/sim/story.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace holdfast::sim {

void Story::Note(absl::string_view who, absl::string_view what) {
  std::string line = absl::StrFormat("%10.4f  %-8s %s", absl::ToDoubleSeconds(time_->now()), std::string(who),
                                     std::string(what));
  if (verbose_) std::printf("%s\n", line.c_str());
  lines_.push_back(std::move(line));
  if (lines_.size() > kMaxLines) lines_.pop_front();
}

int64_t Coverage::Get(const std::string& what) const {
  const auto found = counts_.find(what);
  return found == counts_.end() ? 0 : found->second;
}

void Coverage::Add(const Coverage& other) {
  for (const auto& [what, count] : other.counts_) counts_[what] += count;
}

void Violations::Add(absl::string_view invariant, absl::string_view what) {
  const std::string line = absl::StrCat(invariant, ": ", what);
  story_->Note("CHECKER", absl::StrCat("VIOLATION ", line));
  if (lines_.size() < kMaxLines) lines_.push_back(line);
}

}  // namespace holdfast::sim
