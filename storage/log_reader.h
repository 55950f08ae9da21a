#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "base/position.h"
#include "storage/record_codec.h"

namespace holdfast::storage {

// Reads the log: recent records from memory, older ones from the database. Any thread; a call that misses
// memory reads the database (bounded by its arguments), so callback threads must not use it.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // Records with revision > `after`, in order, up to `up_to`, at most `max_records` and about `max_bytes` (at
  // least one if there is one). COMPACTED if the record right after `after` is no longer kept. Empty if there
  // are none.
  virtual absl::StatusOr<std::vector<LogRecordPtr>> ReadAfter(Revision after, Revision up_to, int max_records,
                                                              size_t max_bytes) = 0;

  // One record by revision; KEY_NOT_FOUND-like error COMPACTED below the floor, FUTURE_REVISION above the
  // end.
  virtual absl::StatusOr<LogRecordPtr> ReadAt(Revision revision) = 0;

  // The revision of the oldest record kept; zero if the log is empty.
  virtual Revision oldest() const = 0;
};

}  // namespace holdfast::storage
