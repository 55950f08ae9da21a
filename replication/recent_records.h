#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/revision.h"
#include "storage/record_codec.h"

namespace holdfast::replication {

// The newest durable records, in memory, so that senders that keep up never leave the strand for the
// database. Bounded by kMaxRecentRecordBytes; the oldest go first. One strand.
class RecentRecords {
 public:
  // At least one, without a gap. What does not go on from the newest takes the place of all.
  void Append(absl::Span<const storage::LogRecordPtr> records);
  // Records after `ancestor` are gone.
  void CutAfter(Revision ancestor);
  void Clear();

  // Records after `after`, up to `up_to`, at most kMaxRecordsPerMessage and about kMaxRecordBytesPerMessage,
  // at least one. nullopt if the record right after `after` is not in memory.
  std::optional<std::vector<storage::LogRecordPtr>> Read(Revision after, Revision up_to) const;

 private:
  std::deque<storage::LogRecordPtr> records_;
  size_t bytes_ = 0;
};

}  // namespace holdfast::replication
