#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "storage/record_codec.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// A row of the log.
struct LogRow {
  LogRecordPtr record;
  int64_t wall_time_us = 0;
  int64_t end_bytes = 0;  // bytes of all records up to and including this one
};

// The log's rows and the request ids that point into it. Reading works on any connection, writing is part of
// the writer's transaction. Same thread as the database, which must outlive it.
class LogTable {
 public:
  static absl::StatusOr<LogTable> Open(SqliteDatabase& database);

  // The row at an index; nullopt if there is none. DATA_DAMAGED if it does not match its guard.
  absl::StatusOr<std::optional<LogRow>> Read(uint64_t index);

  // Rows from `first` on, up to `up_to`, at most `max_records` and about `max_bytes`, at least one if there
  // is one.
  absl::StatusOr<std::vector<LogRow>> ReadFrom(uint64_t first, Revision up_to, int max_records,
                                               size_t max_bytes);

  // The first and the last index that is kept; nullopt if there are no rows.
  struct Bounds {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  absl::StatusOr<std::optional<Bounds>> ReadBounds();

  absl::Status Insert(const LogRecord& record, int64_t end_bytes);
  // Deletes one row with its request id.
  absl::Status Delete(const LogRecord& record);

  // The index of the record that bears the id.
  absl::StatusOr<std::optional<uint64_t>> FindRequest(absl::string_view request_id);

  const std::string& path() const { return database_->path(); }

 private:
  explicit LogTable(SqliteDatabase* database) : database_(database) {}
  absl::StatusOr<LogRow> ReadRow(const SqliteQuery& query);

  SqliteDatabase* database_;
  SqliteStatement read_;
  SqliteStatement read_from_;
  SqliteStatement bounds_;
  SqliteStatement insert_;
  SqliteStatement delete_;
  SqliteStatement find_request_;
  SqliteStatement insert_request_;
  SqliteStatement delete_request_;
};

}  // namespace holdfast::storage
