// What the strand does now and then: checkpoints, and rows that fell below the floor.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/schema.h"
#include "storage/sqlite_transaction.h"
#include "storage/store_impl.h"
#include "storage/verified_pages.h"

namespace holdfast::storage {
namespace {

// How long the strand waits for readers that are in the middle of a call. A call is short (kMaxRowsPerLease),
// but on a busy machine its thread may not run for a while; then the checkpoint waits for a better moment.
// The longer the WAL has grown, the more commits have to wait for readers instead: its size is a promise
// (DESIGN 7), their latency then is not.
absl::Duration RenewalWait(int wal_frames, absl::Duration longest) {
  if (wal_frames < kMaxWalPages / 2) return longest / 100;
  if (wal_frames < kMaxWalPages) return longest / 10;
  return longest;
}

}  // namespace

absl::StatusOr<bool> Store::Maintain() {
  HF_CHECK(!impl_->has_open_batch, "between batches only");
  HF_RETURN_IF_ERROR(impl_->FailedSync());
  if (impl_->replacing) return false;  // whoever began it goes on with it
  const absl::StatusOr<bool> has_more = impl_->CompactStep();
  HF_RETURN_IF_ERROR(impl_->Checked(impl_->CheckpointIfDue()));
  // What the disk holds may rot after it was compared once.
  const absl::Duration now = impl_->options.clock->SinceBoot();
  if (now - impl_->pages_forgotten_at >= kRecheckPagesAfter) {
    impl_->pages_forgotten_at = now;
    impl_->writer->ForgetVerifiedPages();
  }
  const bool has_left = impl_->key_connections->has_moved() && impl_->log_connections->has_moved();
  if (impl_->has_replaced_file && has_left) HF_RETURN_IF_ERROR(impl_->Checked(impl_->RemoveReplaced()));
  return has_more;
}

absl::StatusOr<bool> Store::Impl::CompactStep() {
  if (!may_compact || floor.floor.is_zero()) return false;
  StoreFloor compacted = floor;
  int log_count = 0;
  int key_count = 0;
  const auto run = [&]() -> absl::Status {
    HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(*writer));
    HF_ASSIGN_OR_RETURN(key_count, tables->keys.Compact(floor.floor, kCompactStepRows));
    HF_ASSIGN_OR_RETURN(log_count, CompactLog(&compacted));
    if (key_count + log_count == 0) return absl::OkStatus();
    HF_RETURN_IF_ERROR(tables->meta.WriteFloor(compacted));
    return transaction.Commit();
  };
  HF_RETURN_IF_ERROR(Checked(run()));
  may_compact = key_count + log_count > 0;
  if (!may_compact) return false;
  floor = std::move(compacted);
  state.CountWrite();
  NoteSizes();
  return true;
}

absl::StatusOr<int> Store::Impl::CompactLog(StoreFloor* compacted) {
  const uint64_t first = compacted->base.revision.index() + 1;
  const uint64_t last = std::min(floor_position.revision.index(), first + kCompactStepRows - 1);
  int count = 0;
  for (uint64_t index = first; index <= last; ++index, ++count) {
    HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables->log.Read(index));
    if (!row.has_value()) return DamagedDatabaseError(data_path(), "a record below the floor is missing");
    HF_RETURN_IF_ERROR(tables->log.Delete(*row->record));
    compacted->base = row->record->position;
    const std::string& request = row->record->message.commit().request_id();
    compacted->newest_forgotten_request = std::max(compacted->newest_forgotten_request, request);
  }
  return count;
}

absl::Status Store::Impl::CheckpointIfDue() {
  HF_RETURN_IF_ERROR(node->Checkpoint(kCheckpointPages));
  if (writer->wal_frames() < std::max(kCheckpointPages, postponed_checkpoint_pages)) return absl::OkStatus();
  return Checkpoint();
}

absl::Status Store::Impl::MakeRoomInWal() {
  if (writer->wal_frames() < kMaxWalPages) return absl::OkStatus();
  if (!readers_hold_wal && writer->wal_frames() < postponed_checkpoint_pages) return absl::OkStatus();
  HF_RETURN_IF_ERROR(Checkpoint());
  return readers_hold_wal ? ReadersBusyError() : absl::OkStatus();
}

absl::Status Store::Impl::Checkpoint() {
  const absl::Duration wait = RenewalWait(writer->wal_frames(), options.max_reader_wait);
  const auto renew_all = [&]() {
    const bool keys = key_connections->RenewAll(wait);
    const bool all = keys && log_connections->RenewAll(wait);
    wal_holder = all ? "" : keys ? "a read of the log" : "a read of keys";
    return all;
  };
  postponed_checkpoint_pages = writer->wal_frames() + kCheckpointPages / 4;
  // Readers that look at older frames stop the checkpoint at those, and readers that look at any frame stop
  // the WAL from beginning anew: so all move up before, and off the WAL after (DESIGN 7).
  readers_hold_wal = !renew_all();
  if (readers_hold_wal) return absl::OkStatus();
  const absl::StatusOr<SqliteCheckpoint> checkpoint = writer->Checkpoint();
  HF_RETURN_IF_ERROR(checkpoint.status());
  if (!checkpoint->complete()) {
    wal_holder = "a snapshot's copy or a verification";
    return absl::OkStatus();
  }
  readers_hold_wal = !renew_all();
  if (!readers_hold_wal) postponed_checkpoint_pages = 0;
  wal_bytes.store(checkpoint->wal_bytes);
  const absl::StatusOr<int64_t> bytes = options.files->Size(data_path());
  if (bytes.ok()) database_bytes.store(*bytes);
  return absl::OkStatus();
}

absl::StatusOr<Revision> Store::RetentionFloor(const v1::RetentionPolicy& policy) {
  const Impl& impl = *impl_;
  HF_RETURN_IF_ERROR(impl.Writable());
  const int64_t records = policy.records() > 0 ? policy.records() : kRetainRecords;
  const int64_t age_seconds =
      policy.age_seconds() > 0 ? policy.age_seconds() : absl::ToInt64Seconds(kRetainAge);
  const int64_t bytes = policy.bytes() > 0 ? policy.bytes() : kRetainBytes;
  const int64_t oldest_us = absl::ToUnixMicros(impl.options.clock->Now()) - age_seconds * 1'000'000;

  // The last index that may go: no row above it is too old, none too far back. Time and size grow along the
  // log.
  const uint64_t first = impl.floor_position.revision.index() + 1;
  const uint64_t end = impl.visible.revision.index() + 1;
  if (impl.oldest_record.is_zero() || first >= end) return impl.floor.floor;
  const auto last_where = [&](auto holds) -> absl::StatusOr<uint64_t> {
    uint64_t low = first - 1;
    uint64_t high = end - 1;
    while (low < high) {
      const uint64_t middle = low + (high - low + 1) / 2;
      HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, impl.tables->log.Read(middle));
      if (!row.has_value()) return DamagedDatabaseError(impl.data_path(), "a record of the log is missing");
      if (holds(*row)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  };
  HF_ASSIGN_OR_RETURN(const uint64_t aged,
                      last_where([&](const LogRow& row) { return row.wall_time_us < oldest_us; }));
  HF_ASSIGN_OR_RETURN(
      const uint64_t oversize, last_where([&](const LogRow& row) {
        return impl.tail.log_bytes - row.end_bytes + static_cast<int64_t>(row.record->bytes.size()) > bytes;
      }));
  const uint64_t tail_index = impl.tail.position.revision.index();
  const uint64_t counted = tail_index > static_cast<uint64_t>(records) ? tail_index - records : 0;
  const uint64_t last = std::min(std::max(std::min(aged, counted), oversize), end - 1);
  if (last < first) return impl.floor.floor;
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, impl.tables->log.Read(last));
  if (!row.has_value()) return DamagedDatabaseError(impl.data_path(), "a record of the log is missing");
  return row->record->position.revision;
}

}  // namespace holdfast::storage
