#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast::admin {

// Columns are as wide as their widest cell; where the whole would be wider than `width`, the widest columns
// give way, and cells that are cut end with an ellipsis.
inline constexpr size_t kOutputWidth = 100;

enum class Align { kLeft, kRight };

// Rows of text under a heading, for people. Columns are two blanks apart. One thread.
class Table {
 public:
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void Add(std::vector<std::string> cells);

  bool empty() const { return rows_.empty(); }

  // `heading_on` and `heading_off` go around the heading (a terminal's colours). Each line ends with a line
  // feed.
  std::string ToString(absl::string_view heading_on = "", absl::string_view heading_off = "",
                       size_t width = kOutputWidth) const;

 private:
  std::vector<size_t> Widths(size_t width) const;

  const std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// How many places `text` (UTF-8) takes on a line, counting one for each code point.
size_t Places(absl::string_view text);

// `text` in at most `places` places; an ellipsis takes the last if something had to go.
std::string Shorten(absl::string_view text, size_t places);

// `text` in lines of at most kOutputWidth places: the first one begins with `first`, the others with `indent`
// blanks. A command in it, from `holdfast` to its end, stays on one line if it fits on one, so that it can be
// typed as it stands; what follows "; next: " has a line of its own. Ends with a line feed.
std::string Wrapped(const std::string& first, size_t indent, const std::string& text);

// "4.2 MiB".
std::string ShowBytes(int64_t bytes);

// "1,234,567".
std::string ShowCount(int64_t count);

}  // namespace holdfast::admin
