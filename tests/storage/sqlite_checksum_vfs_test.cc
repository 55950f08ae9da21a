#include "storage/sqlite_checksum_vfs.h"

#include <sqlite3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/sqlite_backup.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_transaction.h"
#include "storage/verified_pages.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

using Rows = std::map<std::string, std::string>;

constexpr int kPageBytes = 4096;

void FlipBit(const std::string& path, int64_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(byte);
  const char old = static_cast<char>(file.get());
  file.seekp(byte);
  file.put(static_cast<char>(old ^ (1 << bit)));
}

std::string Key(int i) { return absl::StrCat("/tenants/", i % 7, "/agents/agent-", i); }
// Some values take overflow pages; every second of them is deleted again.
std::string Value(int i) {
  return std::string(i % 30 < 2 ? 9000 : 40 + i % 60, static_cast<char>('a' + i % 26));
}

class SqliteChecksumVfsTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteDatabase> Writer(const SqliteOptions& options = {}) {
    auto database = SqliteDatabase::OpenWriter(path_, options);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  // A database with interior, leaf, index, overflow and free pages, all in the file.
  void Build(int row_count = 900) {
    auto writer = Writer({.durable = false});
    ASSERT_TRUE(writer->Execute("CREATE TABLE t(k BLOB PRIMARY KEY, v BLOB NOT NULL)").ok());
    auto transaction = SqliteTransaction::Begin(*writer);
    ASSERT_TRUE(transaction.ok());
    {
      auto put = writer->Prepare("INSERT INTO t(k, v) VALUES (?, ?)");
      auto remove = writer->Prepare("DELETE FROM t WHERE k = ?");
      for (int i = 0; i < row_count; ++i) ASSERT_TRUE(put->Run(Key(i), Value(i)).ok());
      for (int i = 0; i < row_count; i += 3) ASSERT_TRUE(remove->Run(Key(i)).ok());
      for (int i = 0; i < row_count; ++i) {
        if (i % 3 != 0) rows_[Key(i)] = Value(i);
      }
    }
    ASSERT_TRUE(transaction->Commit().ok());
    ASSERT_TRUE(writer->Checkpoint()->complete());
  }

  // What a complete reading of the database gives: every row by its key and by a listing. Nothing if any part
  // of it failed with damage; other failures fail the test.
  static std::optional<Rows> ReadAll(const std::string& path, const Rows& expected, int64_t mmap_bytes) {
    const auto writer = SqliteDatabase::OpenWriter(path, {.durable = false});
    if (!writer.ok()) {
      EXPECT_TRUE(IsDamaged(writer.status())) << writer.status();
      return std::nullopt;
    }
    const auto reader = SqliteDatabase::OpenReader(path, {.mmap_bytes = mmap_bytes});
    if (!reader.ok()) {
      EXPECT_TRUE(IsDamaged(reader.status())) << reader.status();
      return std::nullopt;
    }
    bool is_damaged = false;
    const auto harmless = [&](const absl::Status& status) {
      EXPECT_TRUE(status.ok() || IsDamaged(status)) << status;
      is_damaged |= !status.ok();
      return status.ok();
    };
    Rows rows;
    {
      auto list = (*reader)->Prepare("SELECT k, v FROM t ORDER BY k");
      if (!harmless(list.status())) return std::nullopt;
      SqliteQuery query = list->Query();
      while (true) {
        const auto step = query.Step();
        if (!harmless(step.status()) || !*step) break;
        rows[query.BlobString(0)] = query.BlobString(1);
      }
    }
    auto get = (*reader)->Prepare("SELECT v FROM t WHERE k = ?");
    if (!harmless(get.status())) return std::nullopt;
    for (const auto& [key, value] : expected) {
      SqliteQuery query = get->Query(key);
      const auto step = query.Step();
      if (!harmless(step.status())) continue;
      EXPECT_TRUE(*step) << "a damaged page hid " << key;
      EXPECT_EQ(*step ? query.BlobString(0) : "(none)", value);
    }
    if (is_damaged) return std::nullopt;
    return rows;
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "data.db";
  Rows rows_;
};

TEST_F(SqliteChecksumVfsTest, AFlippedBitAnywhereInAnyPageIsAnErrorOrHarmless) {
  Build();
  const int64_t page_count = static_cast<int64_t>(std::filesystem::file_size(path_)) / kPageBytes;
  const std::string copy = directory_ / "copy.db";
  int detected = 0, harmless = 0;
  // A byte of each part of each page: its header, cell pointers, unused middle, cells, checksum.
  for (int64_t page = 0; page < page_count; ++page) {
    const int64_t in_page[] = {1, 12, kPageBytes / 2, kPageBytes - 40, kPageBytes - 3};
    const int64_t byte = page * kPageBytes + in_page[page % 5];
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    FlipBit(copy, byte, static_cast<int>(page % 8));
    const auto rows = ReadAll(copy, rows_, page % 2 == 0 ? 0 : 1 << 30);
    if (rows.has_value()) {
      ASSERT_EQ(*rows, rows_) << "wrong bytes after a flip at " << byte;
      ++harmless;
      std::vector<int64_t> damaged;
      auto reader = SqliteDatabase::OpenReader(copy, {});
      ASSERT_TRUE(reader.ok());
      ASSERT_TRUE((*reader)->CheckPages(1, page_count, &damaged).ok());
      EXPECT_EQ(damaged, std::vector<int64_t>{page + 1}) << "not found by a check of all pages";
    } else {
      ++detected;
    }
    std::filesystem::remove(copy + "-wal");
    std::filesystem::remove(copy + "-shm");
  }
  printf("%d flips: %d detected by reading, %d in pages that no row needs\n", static_cast<int>(page_count),
         detected, harmless);
  EXPECT_GT(detected, harmless);
}

TEST_F(SqliteChecksumVfsTest, EveryByteOfTheDatabaseHeaderIsCovered) {
  Build(60);
  const std::string copy = directory_ / "copy.db";
  for (int byte = 0; byte < 108; ++byte) {
    std::filesystem::copy_file(path_, copy, std::filesystem::copy_options::overwrite_existing);
    FlipBit(copy, byte, byte % 8);
    EXPECT_FALSE(ReadAll(copy, rows_, 1 << 30).has_value()) << "byte " << byte;
    std::filesystem::remove(copy + "-wal");
    std::filesystem::remove(copy + "-shm");
  }
}

TEST_F(SqliteChecksumVfsTest, APageThatTheWalStillHoldsIsRepairedByOpening) {
  Build(60);
  {
    auto writer = Writer();
    ASSERT_TRUE(writer->Execute("UPDATE t SET v = v").ok());
  }
  // What a crash in the middle of a checkpoint leaves: any page that is in the WAL may be torn.
  FlipBit(path_, 200, 3);
  FlipBit(path_, kPageBytes + 200, 3);
  EXPECT_EQ(ReadAll(path_, rows_, 0), rows_);
}

TEST_F(SqliteChecksumVfsTest, AMappedPageIsCheckedAgainOnlyAfterForgetting) {
  Build();
  auto writer = Writer();  // brings everything from the WAL into the file
  auto reader = SqliteDatabase::OpenReader(path_, {.mmap_bytes = 1 << 30});
  ASSERT_TRUE(reader.ok());
  const auto read_all = [&] {
    auto list = (*reader)->Prepare("SELECT k, v FROM t ORDER BY k");
    SqliteQuery query = list->Query();
    while (true) {
      const auto step = query.Step();
      if (!step.ok() || !*step) return step.status();
    }
  };
  ASSERT_TRUE(read_all().ok());
  for (int64_t page = 2; page < 40; ++page) FlipBit(path_, page * kPageBytes + kPageBytes - 20, 0);
  (*reader)->ForgetVerifiedPages();
  EXPECT_TRUE(IsDamaged(read_all()));
}

TEST_F(SqliteChecksumVfsTest, WritesAndCheckpointsGoOnUnderMappedReaders) {
  Build();
  auto writer = Writer({.durable = false});
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      auto reader = SqliteDatabase::OpenReader(path_, {.mmap_bytes = 1 << 30});
      ASSERT_TRUE(reader.ok());
      auto snapshot = SqliteReadTransaction::Begin(**reader);
      ASSERT_TRUE(snapshot.ok());
      auto get = (*reader)->Prepare("SELECT length(v) FROM t WHERE k = ?");
      while (!stop) {
        for (const auto& [key, value] : rows_) {
          SqliteQuery query = get->Query(key);
          const auto step = query.Step();
          ASSERT_TRUE(step.ok()) << step.status();
          ASSERT_TRUE(*step);
        }
        ASSERT_TRUE(snapshot->Renew().ok());
      }
    });
  }
  auto update = writer->Prepare("UPDATE t SET v = ? WHERE k = ?");
  for (int round = 0; round < 300; ++round) {
    const std::string key = Key(1 + 3 * (round % 100));
    ASSERT_TRUE(update->Run(std::string(static_cast<size_t>(round * 37 % 7000), 'z'), key).ok());
    const bool is_checkpoint = round % 10 == 0;
    ASSERT_TRUE(!is_checkpoint || writer->Checkpoint().ok());
    if (round % 50 == 0) writer->ForgetVerifiedPages();
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  std::vector<int64_t> damaged;
  ASSERT_TRUE(writer->CheckPages(1, *writer->FilePages(), &damaged).ok());
  EXPECT_TRUE(damaged.empty());
}

TEST_F(SqliteChecksumVfsTest, ABackupCarriesChecksumsOfItsOwn) {
  Build();
  const std::string copy = directory_ / "backup.db";
  {
    auto writer = Writer();
    ASSERT_TRUE(writer->Execute("UPDATE t SET v = x'00' WHERE rowid < 100").ok());  // in the WAL only
    auto reader = SqliteDatabase::OpenReader(path_, {});
    auto snapshot = SqliteReadTransaction::Begin(**reader);
    ASSERT_TRUE(snapshot.ok());
    auto backup = SqliteBackup::Start(**reader, copy);
    ASSERT_TRUE(backup.ok()) << backup.status();
    while (true) {
      const auto done = (*backup)->Step(10);
      ASSERT_TRUE(done.ok()) << done.status();
      if (*done) break;
    }
    ASSERT_TRUE((*backup)->Finish().ok());
  }
  auto reader = SqliteDatabase::OpenWriter(copy, {});
  ASSERT_TRUE(reader.ok()) << reader.status();
  std::vector<int64_t> damaged;
  ASSERT_TRUE((*reader)->CheckPages(1, *(*reader)->FilePages(), &damaged).ok());
  EXPECT_TRUE(damaged.empty());
  EXPECT_TRUE((*reader)->IntegrityCheck().ok());
}

TEST_F(SqliteChecksumVfsTest, AnyOtherSqliteCanReadTheFile) {
  Build();
  auto plain = SqliteDatabase::OpenReader(path_, {.page_checksums = false});
  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_TRUE((*plain)->IntegrityCheck().ok());
  auto count = (*plain)->Prepare("SELECT count(*) FROM t");
  SqliteQuery query = count->Query();
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Int64(0), static_cast<int64_t>(rows_.size()));
}

TEST_F(SqliteChecksumVfsTest, AFileWithoutChecksumsIsRefused) {
  {
    auto plain = Writer({.page_checksums = false});
    ASSERT_TRUE(plain->Execute("CREATE TABLE t(k BLOB PRIMARY KEY, v BLOB)").ok());
    ASSERT_TRUE(plain->Checkpoint().ok());
  }
  std::filesystem::remove(path_ + "-wal");
  EXPECT_TRUE(IsDamaged(SqliteDatabase::OpenWriter(path_, {}).status()));
}

TEST_F(SqliteChecksumVfsTest, APageWrittenToTheWrongPlaceIsDamage) {
  Build();
  std::string page(kPageBytes, '\0');
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(5 * kPageBytes);
    file.read(page.data(), kPageBytes);
    file.seekp(6 * kPageBytes);
    file.write(page.data(), kPageBytes);
  }
  auto reader = SqliteDatabase::OpenReader(path_, {});
  std::vector<int64_t> damaged;
  ASSERT_TRUE((*reader)->CheckPages(1, *(*reader)->FilePages(), &damaged).ok());
  EXPECT_EQ(damaged, std::vector<int64_t>{7});
}

}  // namespace
}  // namespace holdfast::storage
