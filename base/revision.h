#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast {

// A place in the replicated history: `epoch << 36 | index`, printed `epoch.index` ("3.1024"). Comparing two
// revisions is comparing two integers, also across promotions (DESIGN 1). Zero means "before everything". A
// plain value.
class Revision {
 public:
  static constexpr int kIndexBits = 36;
  static constexpr uint64_t kMaxIndex = (uint64_t{1} << kIndexBits) - 1;
  static constexpr uint64_t kMaxEpoch = (uint64_t{1} << 17) - 1;  // stays below 2^53 for JavaScript and Lua

  constexpr Revision() = default;
  constexpr explicit Revision(int64_t number) : number_(static_cast<uint64_t>(number)) {}
  constexpr Revision(uint64_t epoch, uint64_t index) : number_(epoch << kIndexBits | index) {}

  constexpr uint64_t epoch() const { return number_ >> kIndexBits; }
  constexpr uint64_t index() const { return number_ & kMaxIndex; }
  constexpr int64_t number() const { return static_cast<int64_t>(number_); }
  constexpr bool is_zero() const { return number_ == 0; }

  // "3.1024".
  std::string ToString() const;

  // Reads "3.1024" or the plain integer; nullopt for anything else or out of range.
  static std::optional<Revision> Parse(absl::string_view text);

  constexpr auto operator<=>(const Revision&) const = default;

 private:
  uint64_t number_ = 0;
};

}  // namespace holdfast
