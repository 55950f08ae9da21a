#include "storage/sqlite_reader_pool.h"

#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/lost_revision.h"
#include "storage/newest_change.h"

namespace holdfast::storage {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(1);

}  // namespace

class SqliteReaderPool::Lease : public ReadLease {
 public:
  // `connection` is in use. If it never rests, no call waits for a renewal by the strand.
  Lease(SqliteReaderPool* pool, std::unique_ptr<PooledConnection> connection, bool rests)
      : pool_(pool), connection_(std::move(connection)), rests_(rests) {}
  ~Lease() override {
    Resume();
    pool_->connections_->Return(std::move(connection_));
  }

  // Lets the connection rest until the first call.
  absl::Status Begin() {
    const absl::Status reached = Reach(pool_->state_->visible_revision());
    Rest();
    return reached;
  }

  absl::StatusOr<std::optional<KeyVersion>> Get(absl::string_view key, Revision at) override {
    const InUse use(this);
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->Get(key, at));
  }

  absl::StatusOr<Revision> ChangedAt(absl::string_view key, Revision at) {
    const InUse use(this);
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->ChangedAt(key, at));
  }

  absl::StatusOr<std::optional<std::string>> Scan(absl::string_view key, absl::string_view range_end,
                                                  Revision at, int max_scanned, bool keys_only,
                                                  absl::FunctionRef<bool(const KeyVersion&)> row) override {
    const InUse use(this);
    HF_RETURN_IF_ERROR(Prepare(at));
    return Reported(connection_->versions->Scan(key, range_end, at, max_scanned, keys_only, row));
  }

 private:
  // Between calls the strand may renew the snapshot: each call asks anew whether `at` may be read.
  class InUse {
   public:
    explicit InUse(Lease* lease) : lease_(lease) { lease_->Resume(); }
    ~InUse() { lease_->Rest(); }
    InUse(const InUse&) = delete;
    InUse& operator=(const InUse&) = delete;

   private:
    Lease* const lease_;
  };

  void Resume() {
    if (rests_) pool_->connections_->Resume(*connection_);
  }
  void Rest() {
    if (rests_) pool_->connections_->Rest(*connection_);
  }

  // OK if `at` may be read, with a snapshot that can show it.
  absl::Status Prepare(Revision at) {
    while (true) {
      const Revision visible = pool_->state_->visible_revision();
      if (at > visible) return FutureRevisionError(at, visible);
      HF_RETURN_IF_ERROR(Reach(at));
      // Asked after the snapshot was pinned: whatever compaction had deleted by then lies below this floor,
      // and whatever a rewind had cut lies above this visible revision or in a history that is now lost.
      const Revision floor = pool_->state_->floor();
      if (at < floor) return CompactedError(at, floor);
      HF_RETURN_IF_ERROR(CheckShown(at));
      // And after that: the record of this number may have been cut and appended again meanwhile.
      if (connection_->pinned_cut == pool_->state_->cut_count()) return absl::OkStatus();
    }
  }

  absl::Status CheckShown(Revision at) const {
    const Revision visible = pool_->state_->visible_revision();
    if (at > visible) return FutureRevisionError(at, visible);
    // One primary wrote all of the newest epoch (I2). Only below it a number may name what is gone.
    if (at.epoch() == visible.epoch()) return absl::OkStatus();
    const PublishedState::Snapshot state = pool_->state_->Get();
    if (at > state.visible.revision) return FutureRevisionError(at, state.visible.revision);
    const std::optional<Revision> shared = SharedWithLost(at, *state.milestones);
    return shared.has_value() ? LostRevisionError(at, *shared) : absl::OkStatus();
  }

  // Makes the snapshot one that holds all up to `at`, of the history that is shown now.
  absl::Status Reach(Revision at) {
    const bool is_of_now =
        connection_->snapshot.has_value() && connection_->pinned_cut == pool_->state_->cut_count();
    if (is_of_now && connection_->pinned_revision >= at) return absl::OkStatus();
    return Reported(pool_->connections_->Refresh(connection_));
  }

  // What a file says that is no longer the store's is nobody's business any more.
  absl::Status Reported(absl::Status status) {
    if (IsDamaged(status) && pool_->connections_->is_current(*connection_)) pool_->on_damage_(status);
    return status;
  }
  template <typename T>
  absl::StatusOr<T> Reported(absl::StatusOr<T> result) {
    if (!result.ok()) Reported(result.status()).IgnoreError();
    return result;
  }

  SqliteReaderPool* const pool_;
  std::unique_ptr<PooledConnection> connection_;
  const bool rests_;
};

absl::StatusOr<Revision> NewestChange(ReadLease& lease, absl::string_view key, Revision at) {
  auto* const own = dynamic_cast<SqliteReaderPool::Lease*>(&lease);
  HF_CHECK(own != nullptr, "a lease of another pool");
  return own->ChangedAt(key, at);
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::Acquire() {
  std::unique_ptr<PooledConnection> connection = connections_->Take(kMaxWait);
  if (connection == nullptr) return ReadersBusyError();
  return Lend(std::move(connection), /*rests=*/true);
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::TryAcquire() {
  std::unique_ptr<PooledConnection> connection = connections_->Take(absl::ZeroDuration());
  if (connection == nullptr) return std::unique_ptr<ReadLease>();
  return Lend(std::move(connection), /*rests=*/false);
}

absl::StatusOr<std::unique_ptr<ReadLease>> SqliteReaderPool::Lend(
    std::unique_ptr<PooledConnection> connection, bool rests) {
  auto lease = std::make_unique<Lease>(this, std::move(connection), rests);
  HF_RETURN_IF_ERROR(lease->Begin());
  return std::unique_ptr<ReadLease>(std::move(lease));
}

}  // namespace holdfast::storage
