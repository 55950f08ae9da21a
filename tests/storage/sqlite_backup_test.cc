#include "storage/sqlite_backup.h"

#include "base/random.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/storage/sqlite_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kCopy[] = "/d/copy.db";

class SqliteBackupTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.MakeDirectories("/d").ok());
    ASSERT_TRUE(table_.Open().ok());
    ASSERT_TRUE(table_.Insert(0, 100).ok());
    auto reader = SqliteDatabase::OpenReader(NumberTable::kPath, table_.Options());
    ASSERT_TRUE(reader.ok());
    reader_ = *std::move(reader);
  }

  int64_t CountRowsOfCopy() {
    auto copy = SqliteDatabase::OpenWriter(kCopy, table_.Options());
    EXPECT_TRUE(copy.ok()) << copy.status();
    EXPECT_TRUE((*copy)->IntegrityCheck().ok());
    auto count = (*copy)->Prepare("SELECT count(*) FROM numbers");
    EXPECT_TRUE(count.ok());
    SqliteQuery query = count->Query();
    EXPECT_TRUE(*query.Step());
    return query.Int64(0);
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  NumberTable table_{&files_};
  std::unique_ptr<SqliteDatabase> reader_;
};

TEST_F(SqliteBackupTest, CopiesThePinnedStateWhileCommitsAndCheckpointsGoOn) {
  auto snapshot = SqliteReadTransaction::Begin(*reader_);
  ASSERT_TRUE(snapshot.ok());
  auto backup = SqliteBackup::Start(*reader_, kCopy);
  ASSERT_TRUE(backup.ok()) << backup.status();
  int64_t n = 1000;
  while (true) {
    const auto is_copied = (*backup)->Step(3);
    ASSERT_TRUE(is_copied.ok()) << is_copied.status();
    if (*is_copied) break;
    EXPECT_GT((*backup)->remaining_pages(), 0);
    ASSERT_TRUE(table_.Insert(n++, 1).ok());
    ASSERT_TRUE(table_.database().Checkpoint().ok());
  }
  ASSERT_TRUE((*backup)->Finish().ok());
  EXPECT_EQ(CountRowsOfCopy(), 100);
}

TEST_F(SqliteBackupTest, IsDurableOnceItsDirectoryIsSynced) {
  {
    auto snapshot = SqliteReadTransaction::Begin(*reader_);
    ASSERT_TRUE(snapshot.ok());
    auto backup = SqliteBackup::Start(*reader_, kCopy);
    ASSERT_TRUE(backup.ok());
    ASSERT_TRUE(*(*backup)->Step(1'000'000));
    ASSERT_TRUE((*backup)->Finish().ok());
  }
  ASSERT_TRUE(files_.SyncDirectory("/d").ok());
  disk_.Crash(CrashMode::kLoseUnsynced, *SeededRandom(1));
  EXPECT_EQ(CountRowsOfCopy(), 100);
}

TEST_F(SqliteBackupTest, RefusesAnExistingFile) {
  ASSERT_TRUE(files_.WriteNewFile(kCopy, "precious").ok());
  auto snapshot = SqliteReadTransaction::Begin(*reader_);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_FALSE(SqliteBackup::Start(*reader_, kCopy).ok());
  EXPECT_EQ(*files_.ReadFile(kCopy, 100), "precious");
}

TEST_F(SqliteBackupTest, SaysThatTheDiskIsFullAndLeavesTheSourceInOrder) {
  auto snapshot = SqliteReadTransaction::Begin(*reader_);
  ASSERT_TRUE(snapshot.ok());
  {
    auto backup = SqliteBackup::Start(*reader_, kCopy);
    ASSERT_TRUE(backup.ok());
    disk_.LimitRoom(10'000);
    absl::Status failed = (*backup)->Step(1'000'000).status();
    if (failed.ok()) failed = (*backup)->Finish();
    EXPECT_TRUE(IsDiskFull(failed)) << failed;
  }
  disk_.LiftLimit();
  ASSERT_TRUE(files_.Remove(kCopy).ok());
  EXPECT_TRUE(snapshot->Renew().ok());
  EXPECT_TRUE(table_.Insert(500, 1).ok());
}

TEST_F(SqliteBackupTest, AFailedSyncOfTheCopyIsToldApart) {
  auto snapshot = SqliteReadTransaction::Begin(*reader_);
  ASSERT_TRUE(snapshot.ok());
  auto backup = SqliteBackup::Start(*reader_, kCopy);
  ASSERT_TRUE(backup.ok());
  disk_.AddFault({.operations = {DiskOperation::kSync}, .path_suffix = "copy.db"});
  absl::Status failed = (*backup)->Step(1'000'000).status();
  if (failed.ok()) failed = (*backup)->Finish();
  EXPECT_TRUE(IsFailedSync(failed)) << failed;
}

}  // namespace
}  // namespace holdfast::storage
