#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::admin {

// How two texts differ line by line, unified with three lines around: lines begin with ' ', '-' or '+', and
// "@@ line N @@" stands before each group. Longest common subsequence; texts too long for it are shown as one
// group. Pure.
std::string LineDiff(absl::string_view before, absl::string_view after);

}  // namespace holdfast::admin
