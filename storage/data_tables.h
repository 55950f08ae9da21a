#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/key_table.h"
#include "storage/log_table.h"
#include "storage/meta_table.h"
#include "storage/milestone_table.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// All tables of one data.db on its write connection, and what it takes to put a record in or take one out.
// Every call is part of the caller's transaction; `tail` and `floor` are the caller's copies, which it stores
// with meta.WriteTail and WriteFloor and takes for true only once the transaction is durable.
struct DataTables {
  static absl::StatusOr<std::unique_ptr<DataTables>> Open(SqliteDatabase& database);

  // Applies the changes of `record->message`, whose revision is set, and fills in the effects.
  absl::Status ApplyChanges(LogRecord* record, StoreTail* tail);

  // Stores a record whose bytes, hashes and effects are complete, and moves `tail` to it.
  absl::Status InsertRecord(const LogRecord& record, StoreTail* tail, StoreFloor* floor);

  // Takes back the last record, `record`, and moves `tail` to before it. DATA_DAMAGED if what is needed is
  // missing.
  absl::Status RevertRecord(const LogRow& row, StoreTail* tail);

  MetaTable meta;
  KeyTable keys;
  LogTable log;
  MilestoneTable milestones;
};

// Takes back every record after `ancestor`, a row of the log or its base, in one transaction. For copies of a
// database (snapshots), where nobody reads: the store itself salvages first. DATA_DAMAGED, DISK_FULL,
// IO_ERROR.
absl::Status RewindTables(SqliteDatabase& writer, const Position& ancestor);

// The work of both: reverts from the end down to `ancestor` and writes tail and milestones. `reverted` hears
// of each record, newest first. Part of the caller's transaction.
absl::Status RevertTo(DataTables& tables, const Position& ancestor, StoreTail* tail, StoreFloor* floor,
                      absl::FunctionRef<void(const LogRecord&)> reverted);

}  // namespace holdfast::storage
