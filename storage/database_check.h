#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/position.h"
#include "holdfast/v1/admin.pb.h"
#include "storage/log_table.h"
#include "storage/meta_table.h"
#include "storage/milestone.h"
#include "storage/sqlite_database.h"
#include "storage/version_reader.h"

namespace holdfast::storage {

// Recomputes everything that a data.db claims about itself and writes down what is wrong. Works in bounded
// steps, each with a read transaction of its own, so that a store in use can checkpoint meanwhile: what
// belongs together is read at one revision, not under one snapshot. One thread, that of `database`; all
// arguments must outlive it.
class DatabaseCheck {
 public:
  struct Options {
    // Live rows are summed as they were at this record, which the log still has.
    Position at;
    // Asked before each step; true ends the check with CANCELLED.
    std::function<bool()> cancelled;
    // Rows, records and pages looked at, of about so many.
    std::function<void(int64_t checked, int64_t total)> progress;
  };

  DatabaseCheck(SqliteDatabase* database, Options options, v1::VerifyResult* result)
      : database_(*database), options_(std::move(options)), result_(*result) {}

  // Damage is a finding, at most kMaxVerifyFindings; any other failure ends the check and is returned.
  absl::Status Run();

 private:
  struct Statements;

  // One read transaction. Damage inside is a finding of `kind`, unless `step` has made its own of it.
  absl::Status Step(absl::string_view kind, int64_t count, absl::FunctionRef<absl::Status()> step);
  void AddFinding(absl::string_view kind, absl::string_view key, int64_t revision, absl::string_view message);
  // Makes a finding of damage and returns OK; returns everything else as it is.
  absl::Status Note(absl::string_view kind, absl::string_view key, int64_t revision,
                    const absl::Status& status);

  absl::Status Prepare();
  absl::Status ReadMeta();

  // database_check_keys.cc
  absl::Status CheckRows();
  absl::Status CheckRow(absl::string_view key);
  absl::Status CheckRowsById();
  absl::Status CheckSum();
  absl::Status CheckLinks(absl::string_view table, SqliteStatement& broken_links, int64_t last_id);
  absl::Status CheckUndo();

  // database_check_log.cc
  absl::Status CheckLog();
  absl::Status CheckRecord(uint64_t index);
  void CheckChain(const LogRecord& record);
  absl::Status CheckRequest(const LogRecord& record);
  void CheckMilestone(const LogRecord& record);

  absl::Status CheckPages();
  absl::Status CheckStructure();

  SqliteDatabase& database_;
  const Options options_;
  v1::VerifyResult& result_;

  std::shared_ptr<Statements> statements_;
  StoreTail tail_;
  StoreFloor floor_;
  std::map<uint64_t, Milestone> milestones_;
  std::optional<Position> previous_;  // the record before the next one, if it is known
  Digest128 sum_;
  int64_t live_count_ = 0;
  int64_t checked_ = 0;
  int64_t total_ = 0;
};

}  // namespace holdfast::storage
