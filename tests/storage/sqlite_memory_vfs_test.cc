#include "storage/sqlite_memory_vfs.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/storage/sqlite_fixture.h"

namespace holdfast::storage {
namespace {

class SqliteMemoryVfsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(files_.MakeDirectories("/d").ok()); }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  NumberTable table_{&files_};
};

TEST_F(SqliteMemoryVfsTest, DisksDoNotSeeEachOther) {
  MemoryDisk other_disk;
  MemoryFileSystem other_files(&other_disk);
  ASSERT_TRUE(other_files.MakeDirectories("/d").ok());
  NumberTable other(&other_files);
  ASSERT_TRUE(table_.Open().ok());
  ASSERT_TRUE(other.Open().ok());
  ASSERT_TRUE(table_.Insert(0, 5).ok());
  EXPECT_EQ(other.Rows().size(), 0u);
}

TEST_F(SqliteMemoryVfsTest, KeepsOneDatabaseOpenByManyConnections) {
  ASSERT_TRUE(table_.Open().ok());
  std::vector<std::unique_ptr<SqliteDatabase>> readers;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(table_.Insert(i, 1).ok());
    auto reader = SqliteDatabase::OpenReader(NumberTable::kPath, table_.Options());
    ASSERT_TRUE(reader.ok()) << reader.status();
    readers.push_back(*std::move(reader));
  }
  for (const auto& reader : readers) {
    auto snapshot = SqliteReadTransaction::Begin(*reader);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  }
}

// One writer that also checkpoints, and readers that never rest: what the store does.
TEST_F(SqliteMemoryVfsTest, ReadersOnOtherThreadsAlwaysSeeWholeCommits) {
  constexpr int kCommits = 300;
  // A reader that meets a header of the WAL index half written takes the writer's lock to look again.
  NumberTable table(&files_, /*page_checksums=*/true, absl::Seconds(10));
  ASSERT_TRUE(table.Open().ok());
  std::atomic<bool> is_done{false};
  std::atomic<int> renewals{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      auto reader = SqliteDatabase::OpenReader(NumberTable::kPath, table.Options());
      ASSERT_TRUE(reader.ok()) << reader.status();
      auto count = (*reader)->Prepare("SELECT count(*) FROM numbers");
      auto snapshot = SqliteReadTransaction::Begin(**reader);
      ASSERT_TRUE(snapshot.ok()) << snapshot.status();
      int64_t before = 0;
      while (!is_done) {
        const absl::Status renewed = snapshot->Renew();
        ASSERT_TRUE(renewed.ok()) << renewed;
        SqliteQuery query = count->Query();
        const auto row = query.Step();
        ASSERT_TRUE(row.ok()) << row.status();
        EXPECT_EQ(query.Int64(0) % 3, 0);
        EXPECT_GE(query.Int64(0), before);
        before = query.Int64(0);
        ++renewals;
      }
    });
  }
  for (int commit = 0; commit < kCommits; ++commit) {
    const absl::Status inserted = table.Insert(commit * 3, 3);
    EXPECT_TRUE(inserted.ok()) << inserted;
    if (commit % 10 == 9) {
      EXPECT_TRUE(table.database().Checkpoint().ok());
    }
  }
  is_done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(table.Rows().size(), 3u * kCommits);
  EXPECT_TRUE(table.database().IntegrityCheck().ok());
}

TEST_F(SqliteMemoryVfsTest, AConnectionFromBeforeACrashFailsAndHarmsNobody) {
  ASSERT_TRUE(table_.Open().ok());
  ASSERT_TRUE(table_.Insert(0, 3).ok());
  disk_.Crash(CrashMode::kLoseUnsynced, *SeededRandom(1));
  EXPECT_FALSE(table_.Insert(3, 3).ok());
  NumberTable anew(&files_);
  ASSERT_TRUE(anew.Open().ok());
  EXPECT_EQ(anew.Rows().size(), 3u);
  table_.Close();
  ASSERT_TRUE(anew.Insert(3, 3).ok());
  EXPECT_EQ(anew.Rows().size(), 6u);
}

TEST_F(SqliteMemoryVfsTest, ACrashInTheMiddleOfATransactionLeavesNothingOfIt) {
  ASSERT_TRUE(table_.Open().ok());
  ASSERT_TRUE(table_.Insert(0, 3).ok());
  {
    auto transaction = SqliteTransaction::Begin(table_.database());
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(table_.database().Execute("INSERT INTO numbers VALUES (99, x'00')").ok());
    disk_.Crash(CrashMode::kTearUnsynced, *SeededRandom(1));
  }
  table_.Close();
  ASSERT_TRUE(table_.Open().ok());
  EXPECT_EQ(table_.Rows().size(), 3u);
}

TEST_F(SqliteMemoryVfsTest, AFlippedBitReachesTheReader) {
  NumberTable table(&files_, /*page_checksums=*/false);
  ASSERT_TRUE(table.Open().ok());
  ASSERT_TRUE(table.Insert(0, 3).ok());
  ASSERT_TRUE(table.database().Checkpoint().ok());
  table.Close();
  const std::string bytes = *files_.ReadFile(NumberTable::kPath, 1 << 20);
  disk_.FlipBit(NumberTable::kPath, static_cast<int64_t>(bytes.find("bbbbbbbb")), 0);
  ASSERT_TRUE(files_.Remove(std::string(NumberTable::kPath) + "-wal").ok());
  ASSERT_TRUE(table.Open().ok());
  EXPECT_TRUE(table.database().IntegrityCheck().ok()) << "what row hashes are for";
  auto select = table.database().Prepare("SELECT filler FROM numbers WHERE n = 1");
  ASSERT_TRUE(select.ok());
  SqliteQuery query = select->Query();
  ASSERT_TRUE(query.Step().ok());
  EXPECT_EQ(query.Blob(0)[0], 'b' ^ 1);
}

TEST_F(SqliteMemoryVfsTest, ASeededRunLeavesTheSameBytes) {
  std::string wal[2];
  for (std::string& bytes : wal) {
    SeedSqliteRandomness(7);
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    ASSERT_TRUE(files.MakeDirectories("/d").ok());
    NumberTable table(&files);
    ASSERT_TRUE(table.Open().ok());
    ASSERT_TRUE(table.Insert(0, 10).ok());
    bytes = *files.ReadFile("/d/data.db-wal", 1 << 20);
  }
  EXPECT_EQ(wal[0], wal[1]);
}

}  // namespace
}  // namespace holdfast::storage
