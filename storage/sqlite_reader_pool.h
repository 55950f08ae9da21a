#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "storage/connection_pool.h"
#include "storage/published_state.h"
#include "storage/reader_pool.h"

namespace holdfast::storage {

// ReaderPool over a ConnectionPool. Any thread. `connections`, `state` and what `on_damage` touches must
// outlive it.
class SqliteReaderPool : public ReaderPool {
 public:
  SqliteReaderPool(ConnectionPool* connections, const PublishedState* state,
                   std::function<void(const absl::Status&)> on_damage)
      : connections_(connections), state_(state), on_damage_(std::move(on_damage)) {}

  absl::StatusOr<std::unique_ptr<ReadLease>> Acquire() override;
  absl::StatusOr<std::unique_ptr<ReadLease>> TryAcquire() override;

 private:
  class Lease;
  friend absl::StatusOr<Revision> NewestChange(ReadLease& lease, absl::string_view key, Revision at);
  absl::StatusOr<std::unique_ptr<ReadLease>> Lend(std::unique_ptr<PooledConnection> connection, bool rests);

  ConnectionPool* const connections_;
  const PublishedState* const state_;
  const std::function<void(const absl::Status&)> on_damage_;
};

}  // namespace holdfast::storage
