#include "storage/sqlite_transaction.h"

#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::storage {

absl::StatusOr<SqliteTransaction> SqliteTransaction::Begin(SqliteDatabase& database) {
  HF_CHECK(database.is_writer(), "only the writer writes");
  HF_CHECK(!database.in_transaction(), "transactions do not nest");
  HF_RETURN_IF_ERROR(database.begin_immediate_.Run());
  return SqliteTransaction(&database);
}

SqliteTransaction::~SqliteTransaction() { Rollback(); }

absl::Status SqliteTransaction::Commit() {
  HF_CHECK(database_ != nullptr, "the transaction is over");
  // SQLite itself rolls back on some errors (a full disk, a damaged page) in the middle of a transaction; a
  // COMMIT after that would claim success for nothing.
  if (!database_->in_transaction()) {
    SqliteDatabase* const database = std::exchange(database_, nullptr);
    return StatementError(database->path(), "an earlier failure has rolled the transaction back");
  }
  const absl::Status committed = database_->commit_.Run();
  if (!committed.ok()) Rollback();
  database_ = nullptr;
  return committed;
}

void SqliteTransaction::Rollback() {
  SqliteDatabase* const database = std::exchange(database_, nullptr);
  if (database == nullptr || !database->in_transaction()) return;
  // A rollback that cannot read the pages back leaves the connection in an error state that every later
  // statement reports; the transaction is over either way.
  (void)database->rollback_.Run();
  HF_CHECK(!database->in_transaction(), "ROLLBACK left a transaction open");
}

absl::StatusOr<SqliteReadTransaction> SqliteReadTransaction::Begin(SqliteDatabase& database) {
  HF_CHECK(!database.in_transaction(), "transactions do not nest");
  SqliteReadTransaction transaction(&database);
  HF_RETURN_IF_ERROR(transaction.Pin());
  return transaction;
}

SqliteReadTransaction::~SqliteReadTransaction() { Release(); }

absl::Status SqliteReadTransaction::Renew() {
  HF_CHECK(database_ != nullptr, "the transaction was moved from");
  Release();
  return Pin();
}

absl::Status SqliteReadTransaction::Pin() {
  if (database_->is_mapped()) HF_RETURN_IF_ERROR(database_->CheckFileSize());
  HF_RETURN_IF_ERROR(database_->begin_.Run());
  const absl::Status pinned = database_->pin_.Run();  // BEGIN alone takes no snapshot
  if (!pinned.ok()) Release();
  return pinned;
}

void SqliteReadTransaction::Release() {
  if (database_ == nullptr || !database_->in_transaction()) return;
  (void)database_->rollback_.Run();  // nothing was written: rolling back only lets the snapshot go
  HF_CHECK(!database_->in_transaction(), "a query still runs in this read transaction");
}

}  // namespace holdfast::storage
