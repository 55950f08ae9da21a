#include "base/revision.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast {
namespace {

// Digits only: SimpleAtoi would take signs and spaces.
std::optional<uint64_t> ParseNumber(absl::string_view text) {
  uint64_t number = 0;
  if (text.empty() || !absl::ascii_isdigit(text.front()) || !absl::ascii_isdigit(text.back()))
    return std::nullopt;
  if (!absl::SimpleAtoi(text, &number)) return std::nullopt;
  return number;
}

}  // namespace

std::string Revision::ToString() const { return absl::StrCat(epoch(), ".", index()); }

std::optional<Revision> Revision::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  if (parts.size() > 2) return std::nullopt;
  const std::optional<uint64_t> first = ParseNumber(parts[0]);
  if (!first) return std::nullopt;
  if (parts.size() == 1) {
    const Revision revision(static_cast<int64_t>(*first));
    if (*first >> 53 != 0) return std::nullopt;
    return revision;
  }
  const std::optional<uint64_t> index = ParseNumber(parts[1]);
  if (!index || *index > kMaxIndex || *first > kMaxEpoch) return std::nullopt;
  return Revision(*first, *index);
}

}  // namespace holdfast
