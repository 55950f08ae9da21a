#include "storage/log_cache.h"

#include <utility>

#include "base/check.h"

namespace holdfast::storage {
namespace {

// A record in memory is its bytes, the message parsed from them, and what surrounds both.
size_t MemoryOf(const LogRecord& record) { return 2 * record.bytes.size() + 512; }

uint64_t IndexOf(const LogRecordPtr& record) { return record->position.revision.index(); }

}  // namespace

void LogCache::Append(const std::vector<LogRecordPtr>& records) {
  MutexLock lock(&mu_);
  for (const LogRecordPtr& record : records) {
    HF_CHECK(records_.empty() || IndexOf(records_.back()) + 1 == IndexOf(record), "a gap in the log");
    bytes_ += MemoryOf(*record);
    records_.push_back(record);
  }
  while (bytes_ > max_bytes_ && records_.size() > 1) DropOldest();
}

void LogCache::DropOldest() {
  bytes_ -= MemoryOf(*records_.front());
  records_.pop_front();
}

void LogCache::TruncateAfter(Revision ancestor) {
  MutexLock lock(&mu_);
  while (!records_.empty() && records_.back()->position.revision > ancestor) {
    bytes_ -= MemoryOf(*records_.back());
    records_.pop_back();
  }
}

void LogCache::Clear() {
  MutexLock lock(&mu_);
  records_.clear();
  bytes_ = 0;
}

std::optional<std::vector<LogRecordPtr>> LogCache::ReadFrom(uint64_t first, Revision up_to, int max_records,
                                                            size_t max_bytes) const {
  MutexLock lock(&mu_);
  if (records_.empty() || first < IndexOf(records_.front()) || first > IndexOf(records_.back()))
    return std::nullopt;
  std::vector<LogRecordPtr> found;
  size_t bytes = 0;
  for (size_t i = first - IndexOf(records_.front()); i < records_.size(); ++i) {
    const LogRecordPtr& record = records_[i];
    const bool is_full =
        static_cast<int>(found.size()) >= max_records || (!found.empty() && bytes >= max_bytes);
    if (is_full || record->position.revision > up_to) break;
    bytes += record->bytes.size();
    found.push_back(record);
  }
  return found;
}

}  // namespace holdfast::storage
