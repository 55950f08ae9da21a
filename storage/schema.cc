#include "storage/schema.h"

#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"

namespace holdfast::storage {
namespace {

// In each table the short columns come first: what follows a long value lies on overflow pages.
constexpr absl::string_view kDataTables = R"sql(
CREATE TABLE meta(
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL,
  guard BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE current(
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  create_revision INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL,
  version INTEGER NOT NULL,
  undo_id INTEGER NOT NULL,
  guard BLOB NOT NULL,
  value BLOB NOT NULL);
CREATE INDEX current_tombstones ON current(mod_revision) WHERE version = 0;
CREATE TABLE undo(
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL,
  superseded_revision INTEGER NOT NULL,
  create_revision INTEGER NOT NULL,
  mod_revision INTEGER NOT NULL,
  version INTEGER NOT NULL,
  previous_undo_id INTEGER NOT NULL,
  guard BLOB NOT NULL,
  value BLOB NOT NULL);
CREATE TABLE log(
  idx INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  wall_time_us INTEGER NOT NULL,
  end_bytes INTEGER NOT NULL,
  previous_hash BLOB NOT NULL,
  chain_hash BLOB NOT NULL,
  guard BLOB NOT NULL,
  effects BLOB NOT NULL,
  record BLOB NOT NULL);
CREATE TABLE requests(
  request_id BLOB NOT NULL PRIMARY KEY,
  idx INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE milestones(
  idx INTEGER PRIMARY KEY,
  revision INTEGER NOT NULL,
  chain_hash BLOB NOT NULL,
  guard BLOB NOT NULL,
  content BLOB NOT NULL);
)sql";

constexpr absl::string_view kNodeTables = R"sql(
CREATE TABLE node(
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL,
  guard BLOB NOT NULL) WITHOUT ROWID;
)sql";

absl::Status CheckVersion(SqliteDatabase& database, int64_t application, int64_t known, int64_t found) {
  HF_ASSIGN_OR_RETURN(const int64_t found_application, database.ApplicationId());
  if (found_application != application) {
    return DamagedDatabaseError(database.path(), "it is not marked as this program's file");
  }
  if (found > known) return NewerSchemaError(database.path(), found, known);
  return absl::OkStatus();
}

absl::Status Prepare(SqliteDatabase& writer, absl::string_view tables, int64_t application, int64_t known) {
  HF_ASSIGN_OR_RETURN(const int64_t found, writer.UserVersion());
  if (found != 0) return CheckVersion(writer, application, known, found);
  HF_ASSIGN_OR_RETURN(const int64_t found_application, writer.ApplicationId());
  if (found_application != 0) return DamagedDatabaseError(writer.path(), "it has lost its schema version");
  HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(writer));
  HF_RETURN_IF_ERROR(writer.Execute(tables));
  HF_RETURN_IF_ERROR(writer.SetApplicationId(application));
  HF_RETURN_IF_ERROR(writer.SetUserVersion(known));
  return transaction.Commit();
}

}  // namespace

absl::Status PrepareDataSchema(SqliteDatabase& writer) {
  return Prepare(writer, kDataTables, kDataApplicationId, kDataSchemaVersion);
}

absl::Status PrepareNodeSchema(SqliteDatabase& writer) {
  return Prepare(writer, kNodeTables, kNodeApplicationId, kNodeSchemaVersion);
}

absl::Status CheckDataSchema(SqliteDatabase& reader) {
  HF_ASSIGN_OR_RETURN(const int64_t found, reader.UserVersion());
  return CheckVersion(reader, kDataApplicationId, kDataSchemaVersion, found);
}

}  // namespace holdfast::storage
