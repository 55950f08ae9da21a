#include "serving/key_rules.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/range.h"

namespace holdfast::serving {
namespace {

// Takes one code point off `text`; nullopt if it is not well-formed UTF-8 (Unicode 15, table 3-7).
std::optional<uint32_t> TakeCodePoint(absl::string_view& text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  size_t size = 1;
  uint32_t point = first;
  uint32_t least = 0;
  if (first >= 0x80) {
    if (first >= 0xc2 && first <= 0xdf) {
      size = 2, point = first & 0x1f, least = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
      size = 3, point = first & 0x0f, least = 0x800;
    } else if (first >= 0xf0 && first <= 0xf4) {
      size = 4, point = first & 0x07, least = 0x10000;
    } else {
      return std::nullopt;
    }
  }
  if (text.size() < size) return std::nullopt;
  for (size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3f);
  }
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return std::nullopt;
  text.remove_prefix(size);
  return point;
}

bool IsControl(uint32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

absl::Status CheckLength(absl::string_view key) {
  if (key.size() <= kMaxKeyBytes) return absl::OkStatus();
  return InvalidKeyError(key, absl::StrCat("at most ", kMaxKeyBytes, " bytes"));
}

}  // namespace

absl::Status CheckKey(absl::string_view key) {
  if (key.empty()) return InvalidKeyError(key, "must not be empty");
  HF_RETURN_IF_ERROR(CheckLength(key));
  for (absl::string_view rest = key; !rest.empty();) {
    const std::optional<uint32_t> point = TakeCodePoint(rest);
    if (!point) return InvalidKeyError(key, "must be valid UTF-8");
    if (IsControl(*point)) return InvalidKeyError(key, "must not contain control characters");
  }
  for (const absl::string_view segment : absl::StrSplit(key, '/')) {
    if (segment == "." || segment == "..")
      return InvalidKeyError(key, "must not have a segment \".\" or \"..\"");
  }
  return absl::OkStatus();
}

absl::Status CheckWritableKey(absl::string_view key) {
  HF_RETURN_IF_ERROR(CheckKey(key));
  if (!absl::StartsWith(key, kReservedPrefix)) return absl::OkStatus();
  return InvalidKeyError(
      key, absl::StrCat("keys below ", kReservedPrefix, " are the cluster's own and read-only"));
}

absl::Status CheckRange(absl::string_view key, absl::string_view range_end) {
  if (range_end.empty()) return CheckKey(key);
  HF_RETURN_IF_ERROR(CheckLength(key));
  return CheckLength(range_end);
}

absl::Status CheckNonEmptyRange(absl::string_view key, absl::string_view range_end) {
  HF_RETURN_IF_ERROR(CheckRange(key, range_end));
  if (!KeyRange(key, range_end).IsEmpty()) return absl::OkStatus();
  return InvalidRequestError("range_end", "must be greater than key");
}

}  // namespace holdfast::serving
