#include "storage/sqlite_statement.h"

#include <limits>

#include "gtest/gtest.h"
#include "storage/memory_file_system.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {
namespace {

class SqliteStatementTest : public testing::Test {
 protected:
  void SetUp() override {
    SqliteOptions options;
    options.vfs = files_.sqlite_vfs();
    auto opened = SqliteDatabase::OpenWriter("data.db", options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    ASSERT_TRUE(database_->Execute("CREATE TABLE t(a, b)").ok());
  }

  SqliteStatement Prepare(absl::string_view sql) {
    auto statement = database_->Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    return *std::move(statement);
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  std::unique_ptr<SqliteDatabase> database_;
};

TEST_F(SqliteStatementTest, GivesBackEveryTypeAsItWasBound) {
  const std::string zeros("a\0b", 3);
  auto insert = Prepare("INSERT INTO t VALUES (?, ?)");
  ASSERT_TRUE(insert.Run(std::numeric_limits<int64_t>::min(), zeros).ok());
  ASSERT_TRUE(insert.Run(SqliteText{"text"}, nullptr).ok());
  ASSERT_TRUE(insert.Run(true, absl::string_view()).ok());
  auto select = Prepare("SELECT a, b, typeof(a), typeof(b) FROM t ORDER BY rowid");
  SqliteQuery query = select.Query();
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Int64(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(query.Blob(1), zeros);
  EXPECT_EQ(query.Text(3), "blob");
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Text(0), "text");
  EXPECT_EQ(query.Text(2), "text");
  EXPECT_TRUE(query.IsNull(1));
  ASSERT_TRUE(*query.Step());
  EXPECT_EQ(query.Int64(0), 1);
  EXPECT_FALSE(query.IsNull(1)) << "an empty blob is a value, even from a null view";
  EXPECT_EQ(query.Blob(1), "");
  EXPECT_FALSE(*query.Step());
}

TEST_F(SqliteStatementTest, AFinishedQueryStaysFinished) {
  auto select = Prepare("SELECT 1");
  SqliteQuery query = select.Query();
  EXPECT_TRUE(*query.Step());
  EXPECT_FALSE(*query.Step());
  EXPECT_FALSE(*query.Step()) << "SQLite itself would begin again";
}

TEST_F(SqliteStatementTest, IsFreeForItsNextRunWhenTheQueryEnds) {
  auto select = Prepare("SELECT ?");
  for (int64_t i = 0; i < 3; ++i) {
    SqliteQuery query = select.Query(i);
    ASSERT_TRUE(*query.Step());
    EXPECT_EQ(query.Int64(0), i);
  }
}

TEST_F(SqliteStatementTest, CountsTheRowsThatItChanged) {
  ASSERT_TRUE(database_->Execute("INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)").ok());
  ASSERT_TRUE(Prepare("DELETE FROM t WHERE a >= ?").Run(2).ok());
  EXPECT_EQ(database_->ChangedRowCount(), 2);
}

TEST_F(SqliteStatementTest, ABrokenConstraintIsAnError) {
  ASSERT_TRUE(database_->Execute("CREATE TABLE u(a INTEGER PRIMARY KEY)").ok());
  auto insert = Prepare("INSERT INTO u VALUES (?)");
  ASSERT_TRUE(insert.Run(1).ok());
  EXPECT_FALSE(insert.Run(1).ok());
  EXPECT_TRUE(insert.Run(2).ok()) << "the statement is usable after an error";
}

using SqliteStatementDeathTest = SqliteStatementTest;

TEST_F(SqliteStatementDeathTest, RefusesTwoQueriesAtATime) {
  auto select = Prepare("SELECT 1");
  SqliteQuery query = select.Query();
  EXPECT_DEATH(select.Query(), "a query of it lives");
}

TEST_F(SqliteStatementDeathTest, RefusesTheWrongNumberOfArguments) {
  auto select = Prepare("SELECT ?");
  EXPECT_DEATH(select.Query(), "SELECT");
}

}  // namespace
}  // namespace holdfast::storage
