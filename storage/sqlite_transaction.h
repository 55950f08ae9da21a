#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// A write transaction. Rolled back on destruction unless committed. The database must outlive it.
class SqliteTransaction {
 public:
  // BEGIN IMMEDIATE: takes the write lock at once, or fails with DatabaseBusyError after the busy timeout.
  static absl::StatusOr<SqliteTransaction> Begin(SqliteDatabase& database);

  SqliteTransaction(SqliteTransaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();

  // OK: durable (one fdatasync) and seen by every later reader. A failure rolls back: nothing changed, except
  // that after IsFailedSync nobody knows and the process must end. Call once.
  absl::Status Commit();

  // Undoes everything. Call at most once; the destructor does the same.
  void Rollback();

 private:
  explicit SqliteTransaction(SqliteDatabase* database) : database_(database) {}
  SqliteDatabase* database_;  // null once over
};

// A read transaction that holds one snapshot: every query on the connection sees the same state, and a point
// read costs no locks. A held snapshot keeps the WAL from restarting: renew it, also when idle (DESIGN 7).
// The database must outlive it. Works on readers and, outside a write transaction, on the writer.
class SqliteReadTransaction {
 public:
  // Pins the newest committed state. DATA_DAMAGED if the file was cut short (CheckFileSize).
  static absl::StatusOr<SqliteReadTransaction> Begin(SqliteDatabase& database);

  SqliteReadTransaction(SqliteReadTransaction&& other) noexcept : database_(other.database_) {
    other.database_ = nullptr;
  }
  SqliteReadTransaction& operator=(SqliteReadTransaction&&) = delete;
  ~SqliteReadTransaction();

  // Lets the snapshot go and pins the newest one. Requires that no query runs. After an error nothing is
  // pinned; Renew may be called again.
  absl::Status Renew();

 private:
  explicit SqliteReadTransaction(SqliteDatabase* database) : database_(database) {}
  absl::Status Pin();
  void Release();
  SqliteDatabase* database_;  // null once moved from
};

}  // namespace holdfast::storage
