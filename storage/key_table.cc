#include "storage/key_table.h"

#include <utility>

#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/key_range.h"
#include "storage/row_hash.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kFind = "SELECT " HF_VERSION_COLUMNS("undo_id") ", id FROM current WHERE key = ?";
constexpr absl::string_view kInsert =
    "INSERT INTO current(key, create_revision, mod_revision, version, undo_id, guard, value) "
    "VALUES(?, ?, ?, ?, ?, ?, ?)";
constexpr absl::string_view kUpdate =
    "UPDATE current SET create_revision = ?, mod_revision = ?, version = ?, undo_id = ?, guard = ?, value = "
    "? "
    "WHERE id = ?";
constexpr absl::string_view kDelete = "DELETE FROM current WHERE id = ?";
constexpr absl::string_view kInsertUndo =
    "INSERT INTO undo(id, key, superseded_revision, create_revision, mod_revision, version, "
    "previous_undo_id, "
    "guard, value) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr absl::string_view kFindUndo =
    "SELECT " HF_VERSION_COLUMNS("previous_undo_id") ", superseded_revision FROM undo WHERE id = ?";
constexpr absl::string_view kDeleteUndo = "DELETE FROM undo WHERE id = ?";
constexpr absl::string_view kChangedInRange =
    "SELECT coalesce(max(mod_revision), 0), count(*) FROM "
    "(SELECT mod_revision FROM current WHERE key >= ? AND key < ? ORDER BY key LIMIT ?)";
constexpr absl::string_view kChangedFrom =
    "SELECT coalesce(max(mod_revision), 0), count(*) FROM "
    "(SELECT mod_revision FROM current WHERE key >= ? ORDER BY key LIMIT ?)";
constexpr absl::string_view kOldestUndo = "SELECT id, superseded_revision FROM undo ORDER BY id LIMIT ?";
constexpr absl::string_view kDeleteUndoUpTo = "DELETE FROM undo WHERE id <= ?";
constexpr absl::string_view kDeleteTombstones =
    "DELETE FROM current WHERE id IN (SELECT id FROM current INDEXED BY current_tombstones "
    "WHERE version = 0 AND mod_revision <= ? ORDER BY mod_revision LIMIT ?)";

}  // namespace

absl::StatusOr<KeyTable> KeyTable::Open(SqliteDatabase& database) {
  KeyTable table(&database);
  HF_ASSIGN_OR_RETURN(table.find_, database.Prepare(kFind));
  HF_ASSIGN_OR_RETURN(table.insert_, database.Prepare(kInsert));
  HF_ASSIGN_OR_RETURN(table.update_, database.Prepare(kUpdate));
  HF_ASSIGN_OR_RETURN(table.delete_, database.Prepare(kDelete));
  HF_ASSIGN_OR_RETURN(table.insert_undo_, database.Prepare(kInsertUndo));
  HF_ASSIGN_OR_RETURN(table.find_undo_, database.Prepare(kFindUndo));
  HF_ASSIGN_OR_RETURN(table.delete_undo_, database.Prepare(kDeleteUndo));
  HF_ASSIGN_OR_RETURN(table.changed_in_range_, database.Prepare(kChangedInRange));
  HF_ASSIGN_OR_RETURN(table.changed_from_, database.Prepare(kChangedFrom));
  HF_ASSIGN_OR_RETURN(table.oldest_undo_, database.Prepare(kOldestUndo));
  HF_ASSIGN_OR_RETURN(table.delete_undo_up_to_, database.Prepare(kDeleteUndoUpTo));
  HF_ASSIGN_OR_RETURN(table.delete_tombstones_, database.Prepare(kDeleteTombstones));
  return table;
}

absl::StatusOr<std::optional<KeyTable::Present>> KeyTable::Find(absl::string_view key) {
  SqliteQuery query = find_.Query(key);
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return std::optional<Present>();
  VersionRow row;
  HF_RETURN_IF_ERROR(ReadVersionRow(query, 0, database_->path(), &row));
  if (row.key != key) return DamagedRowError(database_->path(), key, "the index leads to another key");
  return std::optional<Present>(Present{query.Int64(kVersionColumnCount), row.create_revision,
                                        row.mod_revision, row.version, row.undo_id, std::string(row.value),
                                        row.row_hash});
}

absl::StatusOr<std::optional<v1::KeyValue>> KeyTable::Get(absl::string_view key) {
  HF_ASSIGN_OR_RETURN(std::optional<Present> row, Find(key));
  if (!row.has_value() || row->version == 0) return std::optional<v1::KeyValue>();
  v1::KeyValue kv;
  kv.set_key(key.data(), key.size());
  kv.set_value(std::move(row->value));
  kv.set_create_revision(row->create_revision);
  kv.set_mod_revision(row->mod_revision);
  kv.set_version(row->version);
  return std::optional<v1::KeyValue>(std::move(kv));
}

absl::Status KeyTable::Write(std::optional<int64_t> id, absl::string_view key, const Present& row) {
  const DigestBytes guard(GuardVersion(row.row_hash, 0, row.undo_id));
  if (id.has_value()) {
    return update_.Run(row.create_revision, row.mod_revision, row.version, row.undo_id, guard.view(),
                       row.value, *id);
  }
  return insert_.Run(key, row.create_revision, row.mod_revision, row.version, row.undo_id, guard.view(),
                     row.value);
}

absl::Status KeyTable::Supersede(absl::string_view key, const Present& row, Revision revision,
                                 int64_t undo_id) {
  const DigestBytes guard(GuardVersion(row.row_hash, revision.number(), row.undo_id));
  return insert_undo_.Run(undo_id, key, revision.number(), row.create_revision, row.mod_revision, row.version,
                          row.undo_id, guard.view(), row.value);
}

absl::StatusOr<ChangeEffect> KeyTable::Apply(Revision revision, const v1::Change& change, StoreTail* tail) {
  HF_ASSIGN_OR_RETURN(const std::optional<Present> before, Find(change.key()));
  const bool was_live = before.has_value() && before->version != 0;
  if (!was_live && !change.has_value()) return ChangeEffect();

  ChangeEffect effect;
  Present after;
  after.mod_revision = revision.number();
  if (was_live) effect.previous_revision = before->mod_revision;
  if (change.has_value()) {
    effect.create_revision = after.create_revision = was_live ? before->create_revision : revision.number();
    effect.version = after.version = was_live ? before->version + 1 : 1;
    after.value = change.value();
  }
  after.row_hash =
      RowHash(change.key(), after.create_revision, after.mod_revision, after.version, after.value);
  if (before.has_value()) {
    after.undo_id = tail->next_undo_id++;
    HF_RETURN_IF_ERROR(Supersede(change.key(), *before, revision, after.undo_id));
  }
  HF_RETURN_IF_ERROR(
      Write(before.has_value() ? std::optional<int64_t>(before->id) : std::nullopt, change.key(), after));
  if (was_live) tail->state_digest -= before->row_hash;
  if (change.has_value()) tail->state_digest += after.row_hash;
  tail->key_count += (change.has_value() ? 1 : 0) - (was_live ? 1 : 0);
  return effect;
}

absl::StatusOr<bool> KeyTable::Revert(Revision revision, absl::string_view key, StoreTail* tail) {
  HF_ASSIGN_OR_RETURN(const std::optional<Present> row, Find(key));
  if (!row.has_value() || row->mod_revision != revision.number()) return false;
  if (row->version != 0) {
    tail->state_digest -= row->row_hash;
    --tail->key_count;
  }
  if (row->undo_id == 0) {
    HF_RETURN_IF_ERROR(delete_.Run(row->id));
  } else {
    HF_RETURN_IF_ERROR(Restore(revision, key, row->id, row->undo_id, tail));
  }
  return true;
}

absl::Status KeyTable::Restore(Revision revision, absl::string_view key, int64_t id, int64_t undo_id,
                               StoreTail* tail) {
  {
    SqliteQuery query = find_undo_.Query(undo_id);
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row || query.Int64(kVersionColumnCount) != revision.number()) {
      return DamagedRowError(database_->path(), key, "its previous version is missing");
    }
    VersionRow row;
    HF_RETURN_IF_ERROR(ReadVersionRow(query, revision.number(), database_->path(), &row));
    if (row.key != key)
      return DamagedRowError(database_->path(), key, "its previous version is another key's");
    HF_RETURN_IF_ERROR(Write(id, key,
                             Present{id, row.create_revision, row.mod_revision, row.version, row.undo_id,
                                     std::string(row.value), row.row_hash}));
    if (row.is_live()) {
      tail->state_digest += row.row_hash;
      ++tail->key_count;
    }
  }
  return delete_undo_.Run(undo_id);
}

absl::StatusOr<KeyTable::Changed> KeyTable::ChangedAt(const KeyRange& range, int max_rows) {
  SqliteQuery query = range.has_end() ? changed_in_range_.Query(range.begin(), range.end(), max_rows)
                                      : changed_from_.Query(range.begin(), max_rows);
  HF_RETURN_IF_ERROR(query.Step().status());
  return Changed{Revision(query.Int64(0)), max_rows == kAllRows || query.Int64(1) < max_rows};
}

absl::StatusOr<int> KeyTable::Compact(Revision floor, int max_rows) {
  HF_ASSIGN_OR_RETURN(const int undo_count, CompactUndo(floor, max_rows));
  HF_RETURN_IF_ERROR(delete_tombstones_.Run(floor.number(), max_rows));
  return undo_count + static_cast<int>(database_->ChangedRowCount());
}

absl::StatusOr<int> KeyTable::CompactUndo(Revision floor, int max_rows) {
  // Ids and the revisions that superseded them grow together, so what may go is a prefix.
  int64_t last = 0;
  int count = 0;
  {
    SqliteQuery query = oldest_undo_.Query(max_rows);
    while (true) {
      HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row || query.Int64(1) > floor.number()) break;
      last = query.Int64(0);
      ++count;
    }
  }
  if (count > 0) HF_RETURN_IF_ERROR(delete_undo_up_to_.Run(last));
  return count;
}

}  // namespace holdfast::storage
