#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/revision.h"
#include "storage/record_codec.h"

namespace holdfast::storage {

// The newest records of the log, without a gap, up to a number of bytes: what senders and watches read nearly
// always. Any thread.
class LogCache {
 public:
  explicit LogCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Strand. The record goes on from the newest one.
  void Append(const std::vector<LogRecordPtr>& records);
  void TruncateAfter(Revision ancestor);
  void Clear();

  // Records from index `first` on; nullopt unless the cache holds `first`.
  std::optional<std::vector<LogRecordPtr>> ReadFrom(uint64_t first, Revision up_to, int max_records,
                                                    size_t max_bytes) const;

 private:
  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t max_bytes_;

  mutable Mutex mu_;
  std::deque<LogRecordPtr> records_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace holdfast::storage
