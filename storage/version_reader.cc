#include "storage/version_reader.h"

#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/key_range.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kGet = "SELECT " HF_VERSION_COLUMNS("undo_id") " FROM current WHERE key = ?";
constexpr absl::string_view kUndo =
    "SELECT " HF_VERSION_COLUMNS("previous_undo_id") ", superseded_revision FROM undo WHERE id = ?";
constexpr absl::string_view kScanRange =
    "SELECT " HF_VERSION_COLUMNS("undo_id") " FROM current WHERE key >= ? AND key < ? ORDER BY key";
constexpr absl::string_view kScanFrom =
    "SELECT " HF_VERSION_COLUMNS("undo_id") " FROM current WHERE key >= ? ORDER BY key";

KeyVersion Show(const VersionRow& row) {
  return {row.key, row.value, row.create_revision, row.mod_revision, row.version};
}

}  // namespace

absl::StatusOr<VersionReader> VersionReader::Open(SqliteDatabase& database) {
  VersionReader reader(&database);
  HF_ASSIGN_OR_RETURN(reader.get_, database.Prepare(kGet));
  HF_ASSIGN_OR_RETURN(reader.undo_, database.Prepare(kUndo));
  HF_ASSIGN_OR_RETURN(reader.scan_range_, database.Prepare(kScanRange));
  HF_ASSIGN_OR_RETURN(reader.scan_from_, database.Prepare(kScanFrom));
  return reader;
}

absl::StatusOr<bool> VersionReader::Descend(Revision at, VersionRow* row, int* scanned) {
  while (row->mod_revision > at.number()) {
    if (row->undo_id == 0) return false;
    ++*scanned;
    SqliteQuery query = undo_.Query(row->undo_id);
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    // What was superseded above the floor is kept, so a link from above `at` leads somewhere.
    if (!has_row || query.Int64(kVersionColumnCount) != row->mod_revision) {
      return DamagedRowError(database_->path(), row->key, "an older version of this key is missing");
    }
    VersionRow older;
    HF_RETURN_IF_ERROR(ReadVersionRow(query, row->mod_revision, database_->path(), &older));
    if (older.key != row->key || older.mod_revision >= row->mod_revision) {
      return DamagedRowError(database_->path(), row->key, "an older version is not this key's");
    }
    value_.assign(older.value.data(), older.value.size());
    older.key = row->key;
    older.value = value_;
    *row = older;
  }
  return row->is_live();
}

absl::StatusOr<std::optional<KeyVersion>> VersionReader::Get(absl::string_view key, Revision at) {
  SqliteQuery query = get_.Query(key);
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return std::optional<KeyVersion>();
  VersionRow row;
  HF_RETURN_IF_ERROR(ReadVersionRow(query, 0, database_->path(), &row));
  if (row.key != key) return DamagedRowError(database_->path(), key, "the index leads to another key");
  const bool is_newest = row.mod_revision <= at.number();
  int scanned = 0;
  HF_ASSIGN_OR_RETURN(const bool exists, Descend(at, &row, &scanned));
  if (!exists) return std::optional<KeyVersion>();
  if (is_newest) value_.assign(row.value.data(), row.value.size());
  key_.assign(key.data(), key.size());
  row.key = key_;
  row.value = value_;
  return std::optional<KeyVersion>(Show(row));
}

absl::StatusOr<Revision> VersionReader::ChangedAt(absl::string_view key, Revision at) {
  SqliteQuery query = get_.Query(key);
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return Revision();
  VersionRow row;
  HF_RETURN_IF_ERROR(ReadVersionRow(query, 0, database_->path(), &row));
  if (row.key != key) return DamagedRowError(database_->path(), key, "the index leads to another key");
  int scanned = 0;
  HF_RETURN_IF_ERROR(Descend(at, &row, &scanned).status());
  return row.mod_revision <= at.number() ? Revision(row.mod_revision) : Revision();
}

absl::StatusOr<std::optional<std::string>> VersionReader::Scan(
    absl::string_view key, absl::string_view range_end, Revision at, int max_scanned, bool keys_only,
    absl::FunctionRef<bool(const KeyVersion&)> row) {
  const KeyRange range(key, range_end);
  if (range.has_end()) {
    SqliteQuery query = scan_range_.Query(range.begin(), range.end());
    return ScanRows(query, at, max_scanned, keys_only, row);
  }
  SqliteQuery query = scan_from_.Query(range.begin());
  return ScanRows(query, at, max_scanned, keys_only, row);
}

absl::StatusOr<std::optional<std::string>> VersionReader::ScanRows(
    SqliteQuery& query, Revision at, int max_scanned, bool keys_only,
    absl::FunctionRef<bool(const KeyVersion&)> row) {
  key_.clear();
  bool is_first = true;
  for (int scanned = 0;; ++scanned) {
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) return std::optional<std::string>();
    VersionRow version;
    HF_RETURN_IF_ERROR(ReadVersionRow(query, 0, database_->path(), &version));
    if (!is_first && version.key <= key_) {
      return DamagedRowError(database_->path(), version.key, "the index is out of order");
    }
    if (scanned >= max_scanned) return std::optional<std::string>(std::string(version.key));
    key_.assign(version.key.data(), version.key.size());
    is_first = false;
    HF_ASSIGN_OR_RETURN(const bool exists, Descend(at, &version, &scanned));
    if (!exists) continue;
    // Even where only the key is asked for, the value was read: nothing else proves that the row is whole
    // (I13).
    if (keys_only) version.value = absl::string_view();
    if (!row(Show(version))) return std::optional<std::string>(key_ + '\0');
  }
}

}  // namespace holdfast::storage
