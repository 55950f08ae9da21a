#pragma once

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/milestone.h"
#include "storage/record_codec.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// The epoch history and the rules, beside the log because they outlive it. Writing is part of the writer's
// transaction. Same thread as the database, which must outlive it.
class MilestoneTable {
 public:
  static absl::StatusOr<MilestoneTable> Open(SqliteDatabase& database);

  // Oldest first. DATA_DAMAGED if a row does not match its guard.
  absl::StatusOr<std::vector<Milestone>> ReadAll();

  absl::Status Insert(const Milestone& milestone);
  // Deletes those after `ancestor`.
  absl::Status DeleteAfter(Revision ancestor);

 private:
  explicit MilestoneTable(SqliteDatabase* database) : database_(database) {}

  SqliteDatabase* database_;
  SqliteStatement read_all_;
  SqliteStatement insert_;
  SqliteStatement delete_after_;
};

// What the record adds to the milestones; nullopt for most.
std::optional<Milestone> MilestoneOf(const LogRecord& record);

}  // namespace holdfast::storage
