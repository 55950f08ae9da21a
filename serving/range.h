#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::serving {

// A range of keys [begin, end) in memcmp order, built from the (key, range_end) pair that etcd v3 users know:
// an empty `range_end` means the one key, a single zero byte means to the end of all keys; a `key` of a
// single zero byte is the beginning of all keys. A plain value; any thread.
class KeyRange {
 public:
  KeyRange(absl::string_view key, absl::string_view range_end);

  bool Contains(absl::string_view key) const;
  bool IsEmpty() const { return !unbounded_ && end_ <= begin_; }
  bool IsSingleKey() const { return single_; }

  // The first key that may be in the range, and the first that is not any more (meaningless if `unbounded`).
  const std::string& begin() const { return begin_; }
  const std::string& end() const { return end_; }
  bool unbounded() const { return unbounded_; }

  // The same range from `key` on, as (key, range_end) for storage::ReadLease::Scan.
  absl::string_view scan_end() const {
    return unbounded_ ? absl::string_view("\0", 1) : absl::string_view(end_);
  }

 private:
  std::string begin_;
  std::string end_;
  bool single_ = false;
  bool unbounded_ = false;
};

// The `range_end` of all keys that start with `prefix` (etcd's rule: the last byte that can grow is
// incremented; if none can, or the prefix is empty, a single zero byte).
std::string PrefixEnd(absl::string_view prefix);

}  // namespace holdfast::serving
