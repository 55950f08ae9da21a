#include "replication/recent_records.h"

#include <algorithm>

#include "base/limits.h"

namespace holdfast::replication {

using storage::LogRecordPtr;

void RecentRecords::Append(absl::Span<const LogRecordPtr> records) {
  if (!records_.empty() && records.front()->previous != records_.back()->position.chain_hash) Clear();
  for (const LogRecordPtr& record : records) {
    records_.push_back(record);
    bytes_ += record->bytes.size();
  }
  while (records_.size() > 1 && bytes_ > kMaxRecentRecordBytes) {
    bytes_ -= records_.front()->bytes.size();
    records_.pop_front();
  }
}

void RecentRecords::CutAfter(Revision ancestor) {
  while (!records_.empty() && records_.back()->position.revision > ancestor) {
    bytes_ -= records_.back()->bytes.size();
    records_.pop_back();
  }
}

void RecentRecords::Clear() {
  records_.clear();
  bytes_ = 0;
}

std::optional<std::vector<LogRecordPtr>> RecentRecords::Read(Revision after, Revision up_to) const {
  auto it = std::partition_point(records_.begin(), records_.end(), [after](const LogRecordPtr& record) {
    return record->position.revision <= after;
  });
  // Indexes have no gaps: only the very next one may be given.
  if (it == records_.end() || (*it)->position.revision.index() != after.index() + 1) return std::nullopt;
  std::vector<LogRecordPtr> found;
  size_t bytes = 0;
  for (; it != records_.end() && (*it)->position.revision <= up_to; ++it) {
    const size_t size = (*it)->bytes.size();
    if (!found.empty() && (found.size() >= kMaxRecordsPerMessage || bytes + size > kMaxRecordBytesPerMessage))
      break;
    found.push_back(*it);
    bytes += size;
  }
  return found;
}

}  // namespace holdfast::replication
