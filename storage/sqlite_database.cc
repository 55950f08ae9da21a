#include "storage/sqlite_database.h"

#include <sqlite3.h>

#include <string>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_error.h"
#include "storage/sqlite_open_file.h"
#include "storage/sqlite_pragmas.h"

namespace holdfast::storage {

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::OpenWriter(absl::string_view path,
                                                                           const SqliteOptions& options) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path, options, /*is_writer=*/true));
  HF_RETURN_IF_ERROR(database->Open());
  return database;
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::OpenReader(absl::string_view path,
                                                                           const SqliteOptions& options) {
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase(path, options, /*is_writer=*/false));
  HF_RETURN_IF_ERROR(database->Open());
  return database;
}

SqliteDatabase::SqliteDatabase(absl::string_view path, const SqliteOptions& options, bool is_writer)
    : path_(path), options_(options), is_writer_(is_writer) {}

SqliteDatabase::~SqliteDatabase() {
  for (SqliteStatement* own : {&begin_immediate_, &begin_, &pin_, &commit_, &rollback_})
    *own = SqliteStatement();
  // sqlite3_close refuses while a statement lives, where _v2 would keep the file open behind our back.
  HF_CHECK(sqlite3_close(db_) == SQLITE_OK, "a statement or backup outlives its database");
}

absl::Status SqliteDatabase::Open() {
  OpenFilesWithoutAccessTime();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= is_writer_ ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (is_writer_ && options_.create_if_missing) flags |= SQLITE_OPEN_CREATE;
  const std::string vfs = VfsName(options_);
  if (const int code = sqlite3_open_v2(path_.c_str(), &db_, flags, vfs.empty() ? nullptr : vfs.c_str())) {
    return Error(code);
  }
  // SQLite falls back to reading when it may not write.
  if (is_writer_ && sqlite3_db_readonly(db_, "main") != 0) return IoError(path_, "the file is not writable");
  HF_RETURN_IF_ERROR(CheckMatchesWal());  // before the first pragma: some of them read the file
  if (const int code = ConfigureConnection(db_, options_, is_writer_)) return Error(code);
  if (is_writer_) {
    if (const int code = ConfigureWal(db_, options_)) return Error(code);
  }
  HF_RETURN_IF_ERROR(PrepareOwnStatements());
  HF_RETURN_IF_ERROR(RepairSizeOrRefuse());
  mmap_bytes_ = options_.mmap_bytes;
  if (const int code = ConfigureMapping(db_, mmap_bytes_)) return Error(code);
  const auto note_frames = [](void* self, sqlite3*, const char*, int frames) {
    static_cast<SqliteDatabase*>(self)->wal_frames_ = frames;
    return SQLITE_OK;
  };
  if (is_writer_) sqlite3_wal_hook(db_, note_frames, this);
  return absl::OkStatus();
}

absl::Status SqliteDatabase::PrepareOwnStatements() {
  HF_ASSIGN_OR_RETURN(begin_immediate_, Prepare("BEGIN IMMEDIATE"));
  HF_ASSIGN_OR_RETURN(begin_, Prepare("BEGIN"));
  HF_ASSIGN_OR_RETURN(pin_, Prepare("SELECT rootpage FROM sqlite_schema LIMIT 1"));
  HF_ASSIGN_OR_RETURN(commit_, Prepare("COMMIT"));
  HF_ASSIGN_OR_RETURN(rollback_, Prepare("ROLLBACK"));
  return absl::OkStatus();
}

absl::StatusOr<SqliteStatement> SqliteDatabase::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return Error(code);
  HF_CHECK(statement != nullptr, "an empty statement");
  return SqliteStatement(this, statement);
}

absl::Status SqliteDatabase::Execute(absl::string_view sql) {
  const int code = sqlite3_exec(db_, std::string(sql).c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

absl::StatusOr<SqliteCheckpoint> SqliteDatabase::Checkpoint() {
  HF_CHECK(is_writer_ && !in_transaction(), "only the writer checkpoints, outside a transaction");
  SqliteCheckpoint result;
  const int code = sqlite3_wal_checkpoint_v2(db_, "main", SQLITE_CHECKPOINT_PASSIVE, &result.frames_total,
                                             &result.frames_checkpointed);
  if (code != SQLITE_OK) return Error(code);
  result.wal_bytes = WalBytes();
  return result;
}

absl::Status SqliteDatabase::SetSynced(bool is_synced) {
  HF_CHECK(is_writer_ && !in_transaction(), "how to sync is decided between transactions");
  const int code = ConfigureSync(db_, is_synced);
  return code == SQLITE_OK ? absl::OkStatus() : Error(code);
}

int64_t SqliteDatabase::WalBytes() {
  sqlite3_file* wal = nullptr;
  sqlite3_int64 bytes = 0;
  if (sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) != SQLITE_OK) return 0;
  if (wal == nullptr || wal->pMethods == nullptr) return 0;
  return wal->pMethods->xFileSize(wal, &bytes) == SQLITE_OK ? bytes : 0;
}

absl::StatusOr<int64_t> SqliteDatabase::ReadInt64(absl::string_view sql) {
  HF_ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(sql));
  SqliteQuery query = statement.Query();
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return StatementError(path_, "no row where one was expected");
  return query.Int64(0);
}

int64_t SqliteDatabase::ChangedRowCount() const { return sqlite3_changes64(db_); }

bool SqliteDatabase::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

absl::Status SqliteDatabase::Error(int code) const { return SqliteError(db_, code, path_); }

}  // namespace holdfast::storage
