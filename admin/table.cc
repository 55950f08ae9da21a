#include "admin/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"

namespace holdfast::admin {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kLeastWidth = 8;  // no column gives way below this

constexpr char kCommand[] = "holdfast ";
constexpr char kNext[] = "; next: ";
constexpr size_t kNextPlaces = 2;  // "next: " stays

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The end of the word at `begin`; a command is one word if it takes no more than `places`.
size_t EndOfWord(const std::string& text, size_t begin, size_t places) {
  const size_t end = std::min(text.find(' ', begin), text.size());
  const size_t command = text.find(kCommand, begin);
  if (command == std::string::npos || command >= end) return end;
  const size_t last = std::min(text.find_first_of(";,()`", command), text.size());
  return last - begin <= places ? std::max(end, std::min(text.find(' ', last), text.size())) : end;
}

}  // namespace

size_t Places(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); });
}

std::string Shorten(absl::string_view text, size_t places) {
  if (Places(text) <= places) return std::string(text);
  size_t end = 0;
  for (size_t seen = 0; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && ++seen == places) break;
  }
  return absl::StrCat(text.substr(0, end), "…");
}

void Table::Add(std::vector<std::string> cells) {
  HF_CHECK(cells.size() == columns_.size(), "a row has one cell for each column");
  rows_.push_back(std::move(cells));
}

std::vector<size_t> Table::Widths(size_t width) const {
  std::vector<size_t> widths;
  size_t total = kGap * (columns_.size() - 1);
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t widest = Places(columns_[i].heading);
    for (const auto& row : rows_) widest = std::max(widest, Places(row[i]));
    widths.push_back(widest);
    total += widest;
  }
  while (total > width) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeastWidth) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string Table::ToString(absl::string_view heading_on, absl::string_view heading_off, size_t width) const {
  const std::vector<size_t> widths = Widths(width);
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const std::string cell = Shorten(cell_of(i), widths[i]);
      const std::string blanks(widths[i] - Places(cell), ' ');
      if (i > 0) text.append(kGap, ' ');
      absl::StrAppend(&text, columns_[i].align == Align::kRight ? blanks : "", cell,
                      columns_[i].align == Align::kLeft ? blanks : "");
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  };
  std::string out =
      absl::StrCat(heading_on, line([&](size_t i) { return columns_[i].heading; }), heading_off, "\n");
  for (const auto& row : rows_) absl::StrAppend(&out, line([&](size_t i) { return row[i]; }), "\n");
  return out;
}

std::string Wrapped(const std::string& first, size_t indent, const std::string& text) {
  if (const size_t next = text.rfind(kNext); next != std::string::npos) {
    return absl::StrCat(Wrapped(first, indent, text.substr(0, next)),
                        Wrapped(std::string(indent, ' '), indent, text.substr(next + kNextPlaces)));
  }
  std::string lines = first;
  size_t column = Places(first);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = EndOfWord(text, begin, kOutputWidth - indent);
    const std::string word = text.substr(begin, end - begin);
    if (column + 1 + Places(word) > kOutputWidth && column > indent) {
      absl::StrAppend(&lines, "\n", std::string(indent, ' '));
      column = indent;
    } else if (begin > 0) {
      absl::StrAppend(&lines, " ");
      ++column;
    }
    absl::StrAppend(&lines, word);
    column += Places(word);
    begin = end + 1;
  }
  return absl::StrCat(lines, "\n");
}

std::string ShowBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string ShowCount(int64_t count) {
  std::string digits = absl::StrCat(count);
  for (int place = static_cast<int>(digits.size()) - 3; place > (count < 0 ? 1 : 0); place -= 3)
    digits.insert(place, ",");
  return digits;
}

}  // namespace holdfast::admin
