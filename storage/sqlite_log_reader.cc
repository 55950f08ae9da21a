#include "storage/sqlite_log_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::storage {
namespace {

constexpr absl::Duration kMaxWait = absl::Seconds(1);

}  // namespace

uint64_t FirstIndexAfter(Revision after, const std::vector<Milestone>& milestones) {
  // Revisions are dense within an epoch only. `after` may lie beyond the end of its epoch, in a history that
  // was lost, or in an epoch that this log never had.
  uint64_t first_of_epoch = after.epoch() == 0 ? 1 : 0;
  for (const Milestone& milestone : milestones) {
    if (milestone.kind != v1::RECORD_KIND_EPOCH) continue;
    const Revision start = milestone.position.revision;
    if (start.epoch() == after.epoch()) first_of_epoch = start.index();
    if (start.epoch() <= after.epoch()) continue;
    if (first_of_epoch == 0) return start.index();
    return std::min(std::max(after.index() + 1, first_of_epoch), start.index());
  }
  if (first_of_epoch == 0) return std::numeric_limits<int64_t>::max();
  return std::max(after.index() + 1, first_of_epoch);
}

absl::StatusOr<std::vector<LogRecordPtr>> SqliteLogReader::ReadAfter(Revision after, Revision up_to,
                                                                     int max_records, size_t max_bytes) {
  while (true) {
    const uint64_t cut = state_->cut_count();
    const PublishedState::Snapshot state = state_->Get();
    const Revision last = std::min(up_to, state.appended.revision);
    if (after < state.floor) return CompactedError(after, state.oldest_record);
    if (after >= last) return std::vector<LogRecordPtr>();
    const uint64_t first = FirstIndexAfter(after, *state.milestones);
    if (first > last.index()) return std::vector<LogRecordPtr>();
    absl::StatusOr<std::vector<LogRecordPtr>> records = ReadFrom(first, last, max_records, max_bytes);
    // If the log was cut or replaced meanwhile, what was read may be of neither history.
    if (state_->cut_count() == cut) return records;
  }
}

absl::StatusOr<LogRecordPtr> SqliteLogReader::ReadAt(Revision revision) {
  const PublishedState::Snapshot state = state_->Get();
  if (revision > state.appended.revision) return FutureRevisionError(revision, state.appended.revision);
  if (revision <= state.floor || revision.is_zero()) return CompactedError(revision, state.oldest_record);
  HF_ASSIGN_OR_RETURN(const std::vector<LogRecordPtr> records,
                      ReadFrom(revision.index(), state.appended.revision, 1, 1));
  // An index that is there under another epoch: the revision belongs to a history that this log does not
  // have.
  if (records.empty() || records[0]->position.revision != revision) {
    return FutureRevisionError(revision, state.appended.revision);
  }
  return records[0];
}

absl::StatusOr<std::vector<LogRecordPtr>> SqliteLogReader::ReadFrom(uint64_t first, Revision up_to,
                                                                    int max_records, size_t max_bytes) {
  if (std::optional<std::vector<LogRecordPtr>> cached =
          cache_->ReadFrom(first, up_to, max_records, max_bytes)) {
    return *std::move(cached);
  }
  std::unique_ptr<PooledConnection> connection = connections_->Take(kMaxWait);
  if (connection == nullptr) return ReadersBusyError();
  const auto read = [&]() -> absl::StatusOr<std::vector<LogRow>> {
    const bool is_fresh =
        connection->snapshot.has_value() && connection->pinned_write == state_->write_count();
    if (!is_fresh) HF_RETURN_IF_ERROR(connections_->Renew(*connection));
    return connection->log->ReadFrom(first, up_to, max_records, max_bytes);
  };
  absl::StatusOr<std::vector<LogRow>> rows = read();
  // What a file says that is no longer the store's is nobody's business any more.
  const bool is_of_store = connections_->is_current(*connection);
  connections_->Return(std::move(connection));
  if (is_of_store && IsDamaged(rows.status())) {
    // The floor may have moved past what was asked for, or the tail been cut, while the row was on its way.
    const PublishedState::Snapshot now = state_->Get();
    if (first <= now.floor.index())
      return CompactedError(Revision(static_cast<int64_t>(first)), now.oldest_record);
    on_damage_(rows.status());
  }
  HF_RETURN_IF_ERROR(rows.status());
  std::vector<LogRecordPtr> records;
  records.reserve(rows->size());
  for (LogRow& row : *rows) records.push_back(std::move(row.record));
  return records;
}

}  // namespace holdfast::storage
