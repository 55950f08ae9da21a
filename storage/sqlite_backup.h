#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/sqlite_database.h"

struct sqlite3;
struct sqlite3_backup;

namespace holdfast::storage {

// Copies the state that a pinned read transaction sees into a new file, some pages at a time. The copy is one
// file, without WAL, that opens in WAL mode. Same thread as the source. The source and its read transaction
// must outlive this. If it fails or is destroyed before Finish, the partial file stays for the caller to
// remove.
class SqliteBackup {
 public:
  // Requires that `source` holds a SqliteReadTransaction and that `path` does not exist.
  static absl::StatusOr<std::unique_ptr<SqliteBackup>> Start(SqliteDatabase& source, absl::string_view path);

  ~SqliteBackup();
  SqliteBackup(const SqliteBackup&) = delete;
  SqliteBackup& operator=(const SqliteBackup&) = delete;

  // Copies up to `page_count` pages; true when all are copied. DISK_FULL, IO_ERROR, DATA_DAMAGED end the
  // backup.
  absl::StatusOr<bool> Step(int page_count);

  // Writes out and syncs what was copied so far: one great sync at the end would make every commit of the
  // node wait behind it.
  absl::Status SyncSoFar();

  // Syncs and closes the copy. The caller makes its name durable (FileSystem::Rename or SyncDirectory).
  // Requires that Step said true.
  absl::Status Finish();

  // For progress: pages not yet copied.
  int remaining_pages() const;

 private:
  SqliteBackup(SqliteDatabase* source, absl::string_view path) : source_(source), path_(path) {}
  absl::Status Open();
  absl::Status SyncCopy();

  SqliteDatabase* const source_;
  const std::string path_;
  sqlite3* copy_ = nullptr;
  sqlite3_backup* backup_ = nullptr;
  bool is_copied_ = false;
};

}  // namespace holdfast::storage
