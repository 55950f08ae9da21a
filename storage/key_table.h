#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"
#include "holdfast/v1/record.pb.h"
#include "storage/key_range.h"
#include "storage/meta_table.h"
#include "storage/record_codec.h"
#include "storage/sqlite_database.h"
#include "storage/version_row.h"

namespace holdfast::storage {

// The writing side of the key space: `current` with its older versions in `undo`. Every call is part of the
// caller's transaction. Same thread as the database, which must outlive it.
class KeyTable {
 public:
  static absl::StatusOr<KeyTable> Open(SqliteDatabase& database);

  // The key as it is now; nullopt if it does not exist.
  absl::StatusOr<std::optional<v1::KeyValue>> Get(absl::string_view key);

  // Makes one change of the record at `revision`. What it replaces goes to `undo`; a deletion leaves a
  // tombstone. Deleting what does not exist has no effect. Keeps `tail`'s digest, key count and next undo id.
  absl::StatusOr<ChangeEffect> Apply(Revision revision, const v1::Change& change, StoreTail* tail);

  // Takes back what the record at `revision`, the last one of the log, did to `key`. False if it had no
  // effect.
  absl::StatusOr<bool> Revert(Revision revision, absl::string_view key, StoreTail* tail);

  // The highest mod_revision among the first `max_rows` rows of the range, tombstones included; zero if there
  // is none.
  struct Changed {
    Revision at;
    bool is_whole = false;  // these were all rows
  };
  static constexpr int kAllRows = -1;
  absl::StatusOr<Changed> ChangedAt(const KeyRange& range, int max_rows);

  // Deletes at most `max_rows` undo rows that were superseded at or below `floor`, and as many tombstones
  // that are that old. Returns how many rows went.
  absl::StatusOr<int> Compact(Revision floor, int max_rows);

 private:
  // A row of `current`, with the bytes that outlive the query.
  struct Present {
    int64_t id = 0;
    int64_t create_revision = 0;
    int64_t mod_revision = 0;
    int64_t version = 0;
    int64_t undo_id = 0;
    std::string value;
    Digest128 row_hash;
  };

  explicit KeyTable(SqliteDatabase* database) : database_(database) {}
  absl::StatusOr<std::optional<Present>> Find(absl::string_view key);
  absl::Status Write(std::optional<int64_t> id, absl::string_view key, const Present& row);
  absl::Status Supersede(absl::string_view key, const Present& row, Revision revision, int64_t undo_id);
  absl::Status Restore(Revision revision, absl::string_view key, int64_t id, int64_t undo_id,
                       StoreTail* tail);
  absl::StatusOr<int> CompactUndo(Revision floor, int max_rows);

  SqliteDatabase* database_;
  SqliteStatement find_;
  SqliteStatement insert_;
  SqliteStatement update_;
  SqliteStatement delete_;
  SqliteStatement insert_undo_;
  SqliteStatement find_undo_;
  SqliteStatement delete_undo_;
  SqliteStatement changed_in_range_;
  SqliteStatement changed_from_;
  SqliteStatement oldest_undo_;
  SqliteStatement delete_undo_up_to_;
  SqliteStatement delete_tombstones_;
};

}  // namespace holdfast::storage
