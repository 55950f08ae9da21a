#pragma once

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_transaction.h"

namespace holdfast::storage {

// One table of numbered rows on a memory disk, as small as a database gets.
class NumberTable {
 public:
  static constexpr char kPath[] = "/d/data.db";

  // `busy_timeout` is the writer's; a reader on another thread may hold its lock for a moment.
  explicit NumberTable(MemoryFileSystem* files, bool page_checksums = true,
                       absl::Duration busy_timeout = absl::ZeroDuration())
      : files_(files), page_checksums_(page_checksums), busy_timeout_(busy_timeout) {}

  SqliteOptions Options() const {
    SqliteOptions options;
    options.vfs = files_->sqlite_vfs();
    options.page_checksums = page_checksums_;
    options.busy_timeout = busy_timeout_;
    options.cache_bytes = 64 << 10;
    return options;
  }

  absl::Status Open() {
    auto opened = SqliteDatabase::OpenWriter(kPath, Options());
    if (!opened.ok()) return opened.status();
    database_ = *std::move(opened);
    return database_->Execute(
        "CREATE TABLE IF NOT EXISTS numbers(n INTEGER PRIMARY KEY, filler BLOB NOT NULL)");
  }

  absl::Status Insert(int64_t from, int64_t count) {
    auto insert = database_->Prepare("INSERT INTO numbers(n, filler) VALUES (?, ?)");
    if (!insert.ok()) return insert.status();
    auto transaction = SqliteTransaction::Begin(*database_);
    if (!transaction.ok()) return transaction.status();
    for (int64_t n = from; n < from + count; ++n) {
      const std::string filler = Filler(n);
      const absl::Status inserted = insert->Run(n, filler);
      if (!inserted.ok()) return inserted;
    }
    return transaction->Commit();
  }

  // The rows that are there, each checked against its filler.
  std::set<int64_t> Rows() {
    std::set<int64_t> rows;
    auto select = database_->Prepare("SELECT n, filler FROM numbers ORDER BY n");
    EXPECT_TRUE(select.ok()) << select.status();
    if (!select.ok()) return rows;
    SqliteQuery query = select->Query();
    while (true) {
      const auto row = query.Step();
      EXPECT_TRUE(row.ok()) << row.status();
      if (!row.ok() || !*row) return rows;
      EXPECT_EQ(query.Blob(1), Filler(query.Int64(0)));
      rows.insert(query.Int64(0));
    }
  }

  void Close() { database_.reset(); }
  SqliteDatabase& database() { return *database_; }
  bool is_open() const { return database_ != nullptr; }

 private:
  // Long enough for some rows to a page and, now and then, an overflow page.
  static std::string Filler(int64_t n) {
    return std::string(n % 7 == 0 ? 5000 : 600, static_cast<char>('a' + n % 26));
  }

  MemoryFileSystem* const files_;
  const bool page_checksums_;
  const absl::Duration busy_timeout_;
  std::unique_ptr<SqliteDatabase> database_;
};

}  // namespace holdfast::storage
