#include "admin/line_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace holdfast::admin {
namespace {

constexpr size_t kMaxCells = 4'000'000;  // of the table: 2,000 changed lines against 2,000
constexpr size_t kAround = 3;

struct Line {
  char mark;
  absl::string_view text;
  size_t number;  // in the new text, from 1
};

using Lines = std::vector<absl::string_view>;

Lines Split(absl::string_view text) {
  if (text.empty()) return {};
  return absl::StrSplit(absl::StripSuffix(text, "\n"), '\n');
}

// Marks the lines between the common beginning and end.
void Compare(const Lines& a, size_t a_end, const Lines& b, size_t b_end, size_t begin,
             std::vector<Line>& out) {
  const size_t rows = a_end - begin;
  const size_t columns = b_end - begin;
  const bool affordable = rows * columns <= kMaxCells;
  std::vector<uint32_t> longest(affordable ? (rows + 1) * (columns + 1) : 0, 0);
  const auto at = [&](size_t i, size_t j) -> uint32_t& { return longest[i * (columns + 1) + j]; };
  for (size_t i = rows; affordable && i-- > 0;) {
    for (size_t j = columns; j-- > 0;) {
      at(i, j) = a[begin + i] == b[begin + j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < rows || j < columns) {
    if (affordable && i < rows && j < columns && a[begin + i] == b[begin + j]) {
      out.push_back({' ', b[begin + j], begin + j + 1});
      ++i, ++j;
    } else if (i < rows && (!affordable || j == columns || at(i + 1, j) >= at(i, j + 1))) {
      out.push_back({'-', a[begin + i++], begin + j + 1});
    } else {
      out.push_back({'+', b[begin + j], begin + j + 1});
      ++j;
    }
  }
}

std::string Show(const std::vector<Line>& lines) {
  std::string text;
  size_t shown_until = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].mark == ' ') continue;
    const size_t from = std::max(shown_until, i < kAround ? 0 : i - kAround);
    if (shown_until == 0 || from > shown_until)
      absl::StrAppend(&text, "@@ line ", lines[from].number, " @@\n");
    const size_t until = std::min(lines.size(), i + kAround + 1);
    for (size_t n = from; n < until; ++n) {
      if (n > i && lines[n].mark != ' ') break;  // the next change shows itself with its own surroundings
      absl::StrAppend(&text, std::string(1, lines[n].mark), lines[n].text, "\n");
      shown_until = n + 1;
    }
  }
  return text;
}

}  // namespace

std::string LineDiff(absl::string_view before, absl::string_view after) {
  const Lines a = Split(before);
  const Lines b = Split(after);
  size_t begin = 0;
  while (begin < std::min(a.size(), b.size()) && a[begin] == b[begin]) ++begin;
  size_t a_end = a.size();
  size_t b_end = b.size();
  while (a_end > begin && b_end > begin && a[a_end - 1] == b[b_end - 1]) --a_end, --b_end;

  std::vector<Line> lines;
  for (size_t n = 0; n < begin; ++n) lines.push_back({' ', b[n], n + 1});
  Compare(a, a_end, b, b_end, begin, lines);
  for (size_t n = b_end; n < b.size(); ++n) lines.push_back({' ', b[n], n + 1});
  return Show(lines);
}

}  // namespace holdfast::admin
