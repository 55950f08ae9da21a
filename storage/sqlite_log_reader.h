#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection_pool.h"
#include "storage/log_cache.h"
#include "storage/log_reader.h"
#include "storage/published_state.h"

namespace holdfast::storage {

// LogReader over the cache of recent records and, where that misses, connections of its own: replication
// never takes a reader from clients. Any thread. All that is handed in must outlive it.
class SqliteLogReader : public LogReader {
 public:
  SqliteLogReader(const LogCache* cache, ConnectionPool* connections, const PublishedState* state,
                  std::function<void(const absl::Status&)> on_damage)
      : cache_(cache), connections_(connections), state_(state), on_damage_(std::move(on_damage)) {}

  absl::StatusOr<std::vector<LogRecordPtr>> ReadAfter(Revision after, Revision up_to, int max_records,
                                                      size_t max_bytes) override;
  absl::StatusOr<LogRecordPtr> ReadAt(Revision revision) override;
  Revision oldest() const override { return state_->Get().oldest_record; }

 private:
  // Rows from index `first` on, from memory or from the file.
  absl::StatusOr<std::vector<LogRecordPtr>> ReadFrom(uint64_t first, Revision up_to, int max_records,
                                                     size_t max_bytes);

  const LogCache* const cache_;
  ConnectionPool* const connections_;
  const PublishedState* const state_;
  const std::function<void(const absl::Status&)> on_damage_;
};

// The index of the first record above `after`, in a log with these milestones: each epoch begins with an
// EPOCH record.
uint64_t FirstIndexAfter(Revision after, const std::vector<Milestone>& milestones);

}  // namespace holdfast::storage
