#include "storage/sqlite_database.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

class SqliteDatabaseTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteDatabase> Writer(const SqliteOptions& options = {}) {
    auto database = SqliteDatabase::OpenWriter(path_, options);
    EXPECT_TRUE(database.ok()) << database.status();
    EXPECT_TRUE((*database)->Execute("CREATE TABLE IF NOT EXISTS t(k BLOB PRIMARY KEY, v BLOB)").ok());
    return *std::move(database);
  }

  std::unique_ptr<SqliteDatabase> Reader(const SqliteOptions& options = {}) {
    auto database = SqliteDatabase::OpenReader(path_, options);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  static void Put(SqliteDatabase& database, absl::string_view key, absl::string_view value) {
    auto put = database.Prepare("INSERT OR REPLACE INTO t(k, v) VALUES (?, ?)");
    ASSERT_TRUE(put.ok()) << put.status();
    ASSERT_TRUE(put->Run(key, value).ok());
  }

  static std::string Get(SqliteDatabase& database, absl::string_view key) {
    auto get = database.Prepare("SELECT v FROM t WHERE k = ?");
    EXPECT_TRUE(get.ok()) << get.status();
    SqliteQuery query = get->Query(key);
    const auto row = query.Step();
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() && *row ? query.BlobString(0) : "(none)";
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "data.db";
};

TEST_F(SqliteDatabaseTest, KeepsWhatWasCommittedAcrossReopening) {
  { Put(*Writer(), "a", "1"); }
  EXPECT_EQ(Get(*Writer(), "a"), "1");
}

TEST_F(SqliteDatabaseTest, NeverCheckpointsOnItsOwn) {
  {
    auto writer = Writer({.durable = false});
    for (int i = 0; i < 3000; ++i) Put(*writer, absl::string_view(reinterpret_cast<char*>(&i), 4), "v");
  }
  EXPECT_LE(std::filesystem::file_size(path_), 4096u);
  EXPECT_GT(std::filesystem::file_size(path_ + "-wal"), 3000u * 4096u);
}

TEST_F(SqliteDatabaseTest, CheckpointMovesAllFramesAndTheWalThenStartsAnew) {
  auto writer = Writer();
  for (int i = 0; i < 100; ++i) Put(*writer, "k", std::string(100, 'x'));
  const auto first = writer->Checkpoint();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_GE(first->frames_total, 100);
  EXPECT_TRUE(first->complete());
  EXPECT_EQ(first->wal_bytes, writer->WalBytes());
  Put(*writer, "k", "again");
  EXPECT_EQ(writer->WalBytes(), first->wal_bytes);
  const auto second = writer->Checkpoint();
  ASSERT_TRUE(second.ok());
  EXPECT_LT(second->frames_total, 5);
}

TEST_F(SqliteDatabaseTest, CheckpointReportsTheFramesThatAHeldSnapshotKeepsBack) {
  auto writer = Writer();
  Put(*writer, "k", "1");
  auto reader = Reader();
  auto snapshot = SqliteReadTransaction::Begin(*reader);
  ASSERT_TRUE(snapshot.ok());
  Put(*writer, "k", "2");
  const auto held = writer->Checkpoint();
  ASSERT_TRUE(held.ok());
  EXPECT_FALSE(held->complete());
  ASSERT_TRUE(snapshot->Renew().ok());
  const auto released = writer->Checkpoint();
  ASSERT_TRUE(released.ok());
  EXPECT_TRUE(released->complete());
}

TEST_F(SqliteDatabaseTest, AReaderRefusesWrites) {
  Writer();
  EXPECT_FALSE(Reader()->Execute("INSERT INTO t VALUES (x'00', x'00')").ok());
}

TEST_F(SqliteDatabaseTest, AHeldSnapshotSeesOneStateUntilItIsRenewed) {
  auto writer = Writer();
  Put(*writer, "a", "1");
  auto reader = Reader({.mmap_bytes = 1 << 20});
  auto snapshot = SqliteReadTransaction::Begin(*reader);
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  Put(*writer, "a", "2");
  EXPECT_EQ(Get(*reader, "a"), "1");
  ASSERT_TRUE(snapshot->Renew().ok());
  EXPECT_EQ(Get(*reader, "a"), "2");
}

TEST_F(SqliteDatabaseTest, AMissingFileIsRefusedWhereItMustExist) {
  EXPECT_EQ(SqliteDatabase::OpenReader(path_, {}).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(SqliteDatabase::OpenWriter(path_, {.create_if_missing = false}).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteDatabaseTest, AFileThatIsNoDatabaseIsDamaged) {
  std::ofstream(path_) << std::string(8192, 'x');
  const auto opened = SqliteDatabase::OpenWriter(path_, {});
  EXPECT_TRUE(IsDamaged(opened.status())) << opened.status();
  EXPECT_EQ(ReasonOf(opened.status()), "DATA_DAMAGED");
}

TEST_F(SqliteDatabaseTest, ASecondWriterIsToldThatTheDatabaseIsBusy) {
  auto writer = Writer();
  auto second = Writer({.busy_timeout = absl::ZeroDuration()});
  auto transaction = SqliteTransaction::Begin(*writer);
  ASSERT_TRUE(transaction.ok());
  EXPECT_EQ(ReasonOf(SqliteTransaction::Begin(*second).status()), "RESOURCE_EXHAUSTED");
}

TEST_F(SqliteDatabaseTest, KeepsItsSchemaVersionAndMark) {
  {
    auto writer = Writer();
    ASSERT_TRUE(writer->SetUserVersion(7).ok());
    ASSERT_TRUE(writer->SetApplicationId(0x486f6c64).ok());
  }
  auto reader = Reader();
  EXPECT_EQ(*reader->UserVersion(), 7);
  EXPECT_EQ(*reader->ApplicationId(), 0x486f6c64);
}

TEST_F(SqliteDatabaseTest, AWrongStatementIsAnErrorOfOurs) {
  EXPECT_EQ(ReasonOf(Writer()->Prepare("SELECT nothing FROM nowhere").status()), "INTERNAL");
}

}  // namespace
}  // namespace holdfast::storage
