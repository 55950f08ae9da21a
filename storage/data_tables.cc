#include "storage/data_tables.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"

namespace holdfast::storage {

absl::StatusOr<std::unique_ptr<DataTables>> DataTables::Open(SqliteDatabase& database) {
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(database, "meta"));
  HF_ASSIGN_OR_RETURN(KeyTable keys, KeyTable::Open(database));
  HF_ASSIGN_OR_RETURN(LogTable log, LogTable::Open(database));
  HF_ASSIGN_OR_RETURN(MilestoneTable milestones, MilestoneTable::Open(database));
  return std::make_unique<DataTables>(
      DataTables{std::move(meta), std::move(keys), std::move(log), std::move(milestones)});
}

absl::Status DataTables::ApplyChanges(LogRecord* record, StoreTail* tail) {
  record->effects.clear();
  record->effects.reserve(static_cast<size_t>(record->message.changes_size()));
  for (const v1::Change& change : record->message.changes()) {
    if (MutantActive(Mutant::kDigestNotChecked) && !record->bytes.empty() && !change.has_value()) {
      record->effects.emplace_back();  // a follower that misses deletions
      continue;
    }
    HF_ASSIGN_OR_RETURN(const ChangeEffect effect,
                        keys.Apply(Revision(record->message.revision()), change, tail));
    record->effects.push_back(effect);
  }
  return absl::OkStatus();
}

absl::Status DataTables::InsertRecord(const LogRecord& record, StoreTail* tail, StoreFloor* floor) {
  tail->position = record.position;
  tail->wall_time_us = record.message.wall_time_us();
  tail->log_bytes += static_cast<int64_t>(record.bytes.size());
  HF_RETURN_IF_ERROR(log.Insert(record, tail->log_bytes));
  if (const std::optional<Milestone> milestone = MilestoneOf(record)) {
    HF_RETURN_IF_ERROR(milestones.Insert(*milestone));
  }
  if (record.message.kind() == v1::RECORD_KIND_COMPACT) {
    floor->pending.push_back({record.position.revision, Revision(record.message.compact_floor())});
    HF_RETURN_IF_ERROR(meta.WriteFloor(*floor));
  }
  return absl::OkStatus();
}

absl::Status DataTables::RevertRecord(const LogRow& row, StoreTail* tail) {
  const LogRecord& record = *row.record;
  for (int i = 0; i < record.message.changes_size(); ++i) {
    const ChangeEffect& effect = record.effects[static_cast<size_t>(i)];
    const std::string& key = record.message.changes(i).key();
    HF_ASSIGN_OR_RETURN(const bool had_effect, keys.Revert(record.position.revision, key, tail));
    if (!had_effect && (effect.version != 0 || effect.previous_revision != 0)) {
      return DamagedRowError(log.path(), key, "the newest version of this key is missing");
    }
  }
  HF_RETURN_IF_ERROR(log.Delete(record));
  tail->log_bytes -= static_cast<int64_t>(record.bytes.size());
  return absl::OkStatus();
}

namespace {

absl::Status SettleTail(DataTables& tables, const Position& ancestor, StoreTail* tail) {
  tail->position = ancestor;
  if (tail->visible.revision > ancestor.revision) tail->visible = ancestor;
  if (ancestor.revision.is_zero()) {
    tail->wall_time_us = 0;
    return absl::OkStatus();
  }
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables.log.Read(ancestor.revision.index()));
  if (!row.has_value()) return absl::OkStatus();  // the base: its time is gone, the tail's is a bound
  tail->wall_time_us = row->wall_time_us;
  // The state must be the one that the ancestor itself left (I4).
  if (tail->state_digest.ToBytes() != row->record->message.state_digest())
    return DivergedError(ancestor.revision);
  return absl::OkStatus();
}

}  // namespace

absl::Status RevertTo(DataTables& tables, const Position& ancestor, StoreTail* tail, StoreFloor* floor,
                      absl::FunctionRef<void(const LogRecord&)> reverted) {
  ChainHash expected = tail->position.chain_hash;
  for (uint64_t index = tail->position.revision.index(); index > ancestor.revision.index(); --index) {
    HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables.log.Read(index));
    if (!row.has_value() || row->record->position.chain_hash != expected) {
      return DamagedRowError(tables.log.path(), absl::StrCat("record ", index),
                             "missing from the log, or another one");
    }
    HF_RETURN_IF_ERROR(tables.RevertRecord(*row, tail));
    reverted(*row->record);
    expected = row->record->previous;
  }
  if (expected != ancestor.chain_hash) {
    return BrokenChainError(ancestor.revision.number(), "this log never held the ancestor");
  }
  HF_RETURN_IF_ERROR(SettleTail(tables, ancestor, tail));
  HF_RETURN_IF_ERROR(tables.milestones.DeleteAfter(ancestor.revision));
  std::erase_if(floor->pending,
                [&](const StoreFloor::Pending& one) { return one.record > ancestor.revision; });
  HF_RETURN_IF_ERROR(tables.meta.WriteFloor(*floor));
  return tables.meta.WriteTail(*tail);
}

absl::Status RewindTables(SqliteDatabase& writer, const Position& ancestor) {
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<DataTables> tables, DataTables::Open(writer));
  HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(writer));
  HF_ASSIGN_OR_RETURN(StoreTail tail, tables->meta.ReadTail());
  HF_ASSIGN_OR_RETURN(StoreFloor floor, tables->meta.ReadFloor());
  HF_RETURN_IF_ERROR(RevertTo(*tables, ancestor, &tail, &floor, [](const LogRecord&) {}));
  return transaction.Commit();
}

}  // namespace holdfast::storage
