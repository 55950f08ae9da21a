#include "storage/sqlite_reader_pool.h"

#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/newest_change.h"

namespace holdfast::storage {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(1);

}  // namespace

class SqliteReaderPool::Lease : public ReadLease {
 public:
  Lease(SqliteReaderPool* pool, std::unique_ptr<PooledConnection> connection)
      : pool_(pool), connection_(std::move(connection)) {}
  ~Lease() override { pool_->connections_->Return(std::move(connection_)); }

  absl::StatusOr<std::optional<KeyVersion>> Get(absl::string_view key, Revision at) override {
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->Get(key, at));
  }

  absl::StatusOr<Revision> ChangedAt(absl::string_view key, Revision at) {
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->ChangedAt(key, at));
  }

  absl::StatusOr<std::optional<std::string>> Scan(absl::string_view key, absl::string_view range_end,
                                                  Revision at, int max_scanned, bool keys_only,
                                                  absl::FunctionRef<bool(const KeyVersion&)> row) override {
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->Scan(key, range_end, at, max_scanned, keys_only, row));
  }

  // OK if `at` may be read, with a snapshot that can show it.
  absl::Status Prepare(Revision at) {
    const Revision visible = pool_->state_->visible_revision();
    if (at > visible) return FutureRevisionError(at, visible);
    HF_RETURN_IF_ERROR(Reach(at));
    // Asked again after the snapshot was pinned: whatever compaction had deleted by then lies below this
    // floor, and whatever a rewind had cut lies above this visible revision.
    const Revision floor = pool_->state_->floor();
    if (at < floor) return CompactedError(at, floor);
    const Revision still_visible = pool_->state_->visible_revision();
    return at > still_visible ? FutureRevisionError(at, still_visible) : absl::OkStatus();
  }

  // Makes the snapshot one that holds all up to `at`, of the history that is shown now.
  absl::Status Reach(Revision at) {
    const bool is_of_now =
        connection_->snapshot.has_value() && connection_->pinned_cut == pool_->state_->cut_count();
    if (is_of_now && connection_->pinned_revision >= at) return absl::OkStatus();
    return Reported(pool_->connections_->Refresh(connection_));
  }

 private:
  absl::Status Reported(absl::Status status) {
    if (IsDamaged(status)) pool_->on_damage_(status);
    return status;
  }
  template <typename T>
  absl::StatusOr<T> Reported(absl::StatusOr<T> result) {
    if (!result.ok()) Reported(result.status()).IgnoreError();
    return result;
  }

  SqliteReaderPool* const pool_;
  std::unique_ptr<PooledConnection> connection_;
};

absl::StatusOr<Revision> NewestChange(ReadLease& lease, absl::string_view key, Revision at) {
  auto* const own = dynamic_cast<SqliteReaderPool::Lease*>(&lease);
  HF_CHECK(own != nullptr, "a lease of another pool");
  return own->ChangedAt(key, at);
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::Acquire() {
  std::unique_ptr<PooledConnection> connection = connections_->Take(kMaxWait);
  if (connection == nullptr) return ReadersBusyError();
  return Lend(std::move(connection));
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::TryAcquire() {
  std::unique_ptr<PooledConnection> connection = connections_->Take(absl::ZeroDuration());
  if (connection == nullptr) return std::unique_ptr<ReadLease>();
  return Lend(std::move(connection));
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::Lend(
    std::unique_ptr<PooledConnection> connection) {
  auto lease = std::make_unique<Lease>(this, std::move(connection));
  HF_RETURN_IF_ERROR(lease->Reach(state_->visible_revision()));
  return std::unique_ptr<ReadLease>(std::move(lease));
}

}  // namespace holdfast::storage
