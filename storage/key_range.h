#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::storage {

// [key, range_end) as ListRequest says it: an empty end means the one key, a single zero byte means no end.
// Views are the caller's, except for the end of a single key.
class KeyRange {
 public:
  KeyRange(absl::string_view key, absl::string_view range_end) : begin_(key), end_(range_end) {
    if (range_end.empty()) {
      after_key_ = std::string(key) + '\0';
      is_one_key_ = true;
    }
  }

  bool has_end() const { return is_one_key_ || end_ != absl::string_view("\0", 1); }
  absl::string_view begin() const { return begin_; }
  absl::string_view end() const { return is_one_key_ ? absl::string_view(after_key_) : end_; }
  bool Contains(absl::string_view key) const { return key >= begin_ && (!has_end() || key < end()); }

 private:
  absl::string_view begin_;
  absl::string_view end_;
  std::string after_key_;
  bool is_one_key_ = false;
};

}  // namespace holdfast::storage
