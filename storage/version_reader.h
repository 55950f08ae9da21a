#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "storage/reader_pool.h"
#include "storage/sqlite_database.h"
#include "storage/version_row.h"

namespace holdfast::storage {

// The reading rule (DESIGN 4): a key is shown by its newest version whose mod_revision is not above `at`.
// Newer ones are passed over, from `current` down the links of `undo`. Works on any connection, in its
// transaction. The caller sees to it that `at` is not below the floor. Same thread as the database, which
// must outlive it.
class VersionReader {
 public:
  static absl::StatusOr<VersionReader> Open(SqliteDatabase& database);

  // Views stay valid until the next call.
  absl::StatusOr<std::optional<KeyVersion>> Get(absl::string_view key, Revision at);

  // As storage::NewestChange.
  absl::StatusOr<Revision> ChangedAt(absl::string_view key, Revision at);

  // As ReadLease::Scan.
  absl::StatusOr<std::optional<std::string>> Scan(absl::string_view key, absl::string_view range_end,
                                                  Revision at, int max_scanned, bool keys_only,
                                                  absl::FunctionRef<bool(const KeyVersion&)> row);

 private:
  explicit VersionReader(SqliteDatabase* database) : database_(database) {}
  absl::StatusOr<std::optional<std::string>> ScanRows(SqliteQuery& query, Revision at, int max_scanned,
                                                      bool keys_only,
                                                      absl::FunctionRef<bool(const KeyVersion&)> row);
  // Goes down from `row` until it is not above `at`; false if nothing is left. Fills value_ and `row->value`.
  absl::StatusOr<bool> Descend(Revision at, VersionRow* row, int* scanned);

  SqliteDatabase* database_;
  SqliteStatement get_;
  SqliteStatement undo_;
  SqliteStatement scan_range_;
  SqliteStatement scan_from_;
  std::string key_;  // what the views of the last call show
  std::string value_;
};

}  // namespace holdfast::storage
