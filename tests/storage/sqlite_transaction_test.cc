#include "storage/sqlite_transaction.h"

#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/storage/sqlite_fixture.h"

namespace holdfast::storage {
namespace {

class SqliteTransactionTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.MakeDirectories("/d").ok());
    ASSERT_TRUE(table_.Open().ok());
  }

  absl::Status InsertRow(int64_t n) {
    auto insert = table_.database().Prepare("INSERT INTO numbers(n, filler) VALUES (?, zeroblob(20000))");
    return insert.ok() ? insert->Run(n) : insert.status();
  }

  int64_t CountRows(SqliteDatabase& database) {
    auto count = database.Prepare("SELECT count(*) FROM numbers");
    EXPECT_TRUE(count.ok());
    SqliteQuery query = count->Query();
    EXPECT_TRUE(*query.Step());
    return query.Int64(0);
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  NumberTable table_{&files_};
};

TEST_F(SqliteTransactionTest, WhatWasNotCommittedIsGone) {
  {
    auto transaction = SqliteTransaction::Begin(table_.database());
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(InsertRow(1).ok());
  }
  EXPECT_FALSE(table_.database().in_transaction());
  EXPECT_EQ(CountRows(table_.database()), 0);
}

TEST_F(SqliteTransactionTest, ACommitCostsOneSync) {
  const DiskCounters before = disk_.counters();
  ASSERT_TRUE(table_.Insert(1, 20).ok());
  EXPECT_EQ(disk_.counters().syncs - before.syncs, 1);
}

TEST_F(SqliteTransactionTest, OthersSeeACommitOnlyAfterItsEnd) {
  auto reader = SqliteDatabase::OpenReader(NumberTable::kPath, table_.Options());
  ASSERT_TRUE(reader.ok());
  auto transaction = SqliteTransaction::Begin(table_.database());
  ASSERT_TRUE(transaction.ok());
  ASSERT_TRUE(InsertRow(1).ok());
  EXPECT_EQ(CountRows(**reader), 0);
  ASSERT_TRUE(transaction->Commit().ok());
  EXPECT_EQ(CountRows(**reader), 1);
}

TEST_F(SqliteTransactionTest, ACommitThatFindsTheDiskFullRollsBackAndTheNextSucceeds) {
  disk_.LimitRoom(3000);
  {
    auto transaction = SqliteTransaction::Begin(table_.database());
    ASSERT_TRUE(transaction.ok());
    ASSERT_TRUE(InsertRow(1).ok());
    EXPECT_TRUE(IsDiskFull(transaction->Commit()));
  }
  EXPECT_FALSE(table_.database().in_transaction());
  EXPECT_EQ(CountRows(table_.database()), 0);
  disk_.LiftLimit();
  EXPECT_TRUE(table_.Insert(1, 1).ok());
}

TEST_F(SqliteTransactionTest, ACommitAfterSqliteRolledBackByItselfIsRefused) {
  // A spill of the cache into the WAL in the middle of the transaction finds no room.
  ASSERT_TRUE(table_.database().Execute("PRAGMA cache_size = 2; PRAGMA cache_spill = 1").ok());
  auto transaction = SqliteTransaction::Begin(table_.database());
  ASSERT_TRUE(transaction.ok());
  disk_.LimitRoom(3000);
  absl::Status inserted;
  for (int64_t n = 0; n < 50 && inserted.ok(); ++n) inserted = InsertRow(n);
  ASSERT_TRUE(IsDiskFull(inserted)) << inserted;
  disk_.LiftLimit();
  const bool is_over = !table_.database().in_transaction();
  if (is_over) {
    EXPECT_FALSE(transaction->Commit().ok());
  } else {
    transaction->Rollback();
  }
  EXPECT_EQ(CountRows(table_.database()), 0);
  EXPECT_TRUE(table_.Insert(1, 1).ok());
}

TEST_F(SqliteTransactionTest, AFailedSyncIsToldApart) {
  disk_.AddFault({.operations = {DiskOperation::kSync}, .path_suffix = "-wal"});
  EXPECT_TRUE(IsFailedSync(table_.Insert(1, 1)));
}

TEST_F(SqliteTransactionTest, ARenewalAfterAnErrorIsPossible) {
  ASSERT_TRUE(table_.Insert(1, 1).ok());
  auto reader = SqliteDatabase::OpenReader(NumberTable::kPath, table_.Options());
  ASSERT_TRUE(reader.ok());
  auto snapshot = SqliteReadTransaction::Begin(**reader);
  ASSERT_TRUE(snapshot.ok());
  ASSERT_TRUE(table_.Insert(2, 1).ok());
  disk_.AddFault({.operations = {DiskOperation::kRead}, .fail_count = DiskFault::kForever});
  (void)snapshot->Renew();
  disk_.ClearFaults();
  ASSERT_TRUE(snapshot->Renew().ok());
  EXPECT_EQ(CountRows(**reader), 2);
}

}  // namespace
}  // namespace holdfast::storage
