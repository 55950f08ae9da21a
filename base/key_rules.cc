#include "base/key_rules.h"

#include <cstdint>
#include <optional>

#include "base/limits.h"

namespace holdfast {
namespace {

static_assert(kMaxKeyBytes == 1024, "KeyFault says the number");

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

}  // namespace

absl::string_view KeyFault(absl::string_view key) {
  if (key.empty()) return "must not be empty";
  if (key.size() > kMaxKeyBytes) return "at most 1024 bytes";
  for (absl::string_view rest = key; !rest.empty();) {
    const std::optional<uint32_t> point = TakeCodePoint(rest);
    if (!point) return "must be valid UTF-8";
    if (IsControl(*point)) return "must not contain control characters";
  }
  for (absl::string_view rest = key; true; rest.remove_prefix(rest.find('/') + 1)) {
    const absl::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == "..") return "must not have a segment \".\" or \"..\"";
    if (segment.size() == rest.size()) return {};
  }
}

bool IsPlainText(absl::string_view text) {
  while (!text.empty()) {
    const std::optional<uint32_t> point = TakeCodePoint(text);
    if (!point) return false;
    if (IsControl(*point) && *point != '\t' && *point != '\n' && *point != '\r') return false;
  }
  return true;
}

}  // namespace holdfast
