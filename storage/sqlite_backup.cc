#include "storage/sqlite_backup.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_error.h"
#include "storage/sqlite_pragmas.h"

namespace holdfast::storage {

absl::StatusOr<std::unique_ptr<SqliteBackup>> SqliteBackup::Start(SqliteDatabase& source,
                                                                  absl::string_view path) {
  HF_CHECK(source.in_transaction(), "a backup needs a pinned snapshot");
  std::unique_ptr<SqliteBackup> backup(new SqliteBackup(&source, path));
  HF_RETURN_IF_ERROR(backup->Open());
  return backup;
}

absl::Status SqliteBackup::Open() {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_EXRESCODE;
  const std::string vfs = VfsName(source_->options());
  int code = sqlite3_open_v2(path_.c_str(), &copy_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) return SqliteError(copy_, code, path_);
  code = ConfigureBackupTarget(copy_);
  if (code != SQLITE_OK) return SqliteError(copy_, code, path_);
  backup_ = sqlite3_backup_init(copy_, "main", source_->db_, "main");
  if (backup_ == nullptr) return SqliteError(copy_, sqlite3_extended_errcode(copy_), path_);
  return absl::OkStatus();
}

SqliteBackup::~SqliteBackup() {
  if (backup_ != nullptr) sqlite3_backup_finish(backup_);
  sqlite3_close(copy_);
}

absl::StatusOr<bool> SqliteBackup::Step(int page_count) {
  HF_CHECK(page_count > 0 && !is_copied_, "nothing to copy");
  const int code = sqlite3_backup_step(backup_, page_count);
  if (code == SQLITE_OK) return false;
  if (code != SQLITE_DONE) {
    const absl::Status error = SqliteError(nullptr, code, path_);
    // The copy is new and only written; what does not match was read from the source.
    return IsDamaged(error) ? SqliteError(nullptr, code, source_->path()) : error;
  }
  is_copied_ = true;
  return true;
}

absl::Status SqliteBackup::SyncSoFar() {
  const int code = sqlite3_db_cacheflush(copy_);
  // Busy: the last step left a page in use, which goes out with the next.
  if (code != SQLITE_OK && code != SQLITE_BUSY) return SqliteError(copy_, code, path_);
  return SyncCopy();
}

absl::Status SqliteBackup::Finish() {
  HF_CHECK(is_copied_ && backup_ != nullptr, "the backup is not complete");
  const int finished = sqlite3_backup_finish(std::exchange(backup_, nullptr));
  if (finished != SQLITE_OK) return SqliteError(copy_, finished, path_);
  HF_RETURN_IF_ERROR(SyncCopy());
  const int closed = sqlite3_close(std::exchange(copy_, nullptr));
  return closed == SQLITE_OK ? absl::OkStatus() : SqliteError(nullptr, closed, path_);
}

absl::Status SqliteBackup::SyncCopy() {
  // Not left to the last step's commit: what that syncs is SQLite's choice, what we promise is not.
  sqlite3_file* file = nullptr;
  sqlite3_file_control(copy_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  const int code = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(copy_, code, path_);
}

int SqliteBackup::remaining_pages() const {
  return backup_ == nullptr ? 0 : sqlite3_backup_remaining(backup_);
}

}  // namespace holdfast::storage
