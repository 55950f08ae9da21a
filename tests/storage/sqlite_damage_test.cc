// Files that were cut short or altered behind our back. On real files, since only those are mapped.
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_transaction.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;

class SqliteDamageTest : public ::testing::Test {
 protected:
  SqliteDamageTest() { mapped_.mmap_bytes = int64_t{1} << 30; }

  void SetUp() override {
    auto writer = SqliteDatabase::OpenWriter(path_, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Execute("CREATE TABLE t(n INTEGER PRIMARY KEY, v BLOB)").ok());
    ASSERT_TRUE((*writer)
                    ->Execute("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500) "
                              "INSERT INTO t SELECT n, zeroblob(1000) FROM c")
                    .ok());
    ASSERT_TRUE((*writer)->Checkpoint()->complete());
    // The next commit begins the WAL anew: from then on it holds a few pages and can replace no others.
    ASSERT_TRUE((*writer)->Execute("INSERT INTO t VALUES (100000, x'00')").ok());
  }

  static absl::Status ReadAll(SqliteDatabase& database) {
    auto sum = database.Prepare("SELECT sum(length(v)), sum(n) FROM t");
    if (!sum.ok()) return sum.status();
    SqliteQuery query = sum->Query();
    return query.Step().status();
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "data.db";
  SqliteOptions mapped_;
};

TEST_F(SqliteDamageTest, AFileCutShortIsRefusedToAWriter) {
  fs::resize_file(path_, fs::file_size(path_) / 2);
  EXPECT_TRUE(IsDamaged(SqliteDatabase::OpenWriter(path_, mapped_).status()));
}

TEST_F(SqliteDamageTest, AFileCutShortIsAnErrorToAMappedReaderNotASigbus) {
  fs::resize_file(path_, fs::file_size(path_) / 2);
  auto reader = SqliteDatabase::OpenReader(path_, mapped_);
  EXPECT_TRUE(IsDamaged(reader.ok() ? ReadAll(**reader) : reader.status()));
}

TEST_F(SqliteDamageTest, AFileCutShortWithoutAWalIsRefusedToAReader) {
  fs::resize_file(path_, fs::file_size(path_) / 2);
  fs::resize_file(path_ + "-wal", 0);
  fs::remove(path_ + "-shm");
  EXPECT_TRUE(IsDamaged(SqliteDatabase::OpenReader(path_, mapped_).status()));
}

TEST_F(SqliteDamageTest, AFileCutBelowItsHeaderIsRefused) {
  fs::resize_file(path_, 60);
  EXPECT_TRUE(IsDamaged(SqliteDatabase::OpenReader(path_, mapped_).status()));
}

TEST_F(SqliteDamageTest, AnEmptyFileWithAWalIsRefusedAndTheWalStays) {
  fs::resize_file(path_, 0);
  EXPECT_TRUE(IsDamaged(SqliteDatabase::OpenWriter(path_, {}).status()));
  EXPECT_TRUE(fs::exists(path_ + "-wal"));
}

TEST_F(SqliteDamageTest, AFileCutWhileItIsMappedIsAnErrorAtTheNextSnapshotNotASigbus) {
  auto reader = SqliteDatabase::OpenReader(path_, mapped_);
  ASSERT_TRUE(reader.ok());
  auto snapshot = SqliteReadTransaction::Begin(**reader);
  ASSERT_TRUE(snapshot.ok());
  ASSERT_TRUE(ReadAll(**reader).ok());
  fs::resize_file(path_, 4096);
  EXPECT_TRUE(IsDamaged(snapshot->Renew()));
  EXPECT_TRUE(IsDamaged(SqliteReadTransaction::Begin(**reader).status()));
}

TEST_F(SqliteDamageTest, AFileThatGrowsIsNoDamage) {
  auto reader = SqliteDatabase::OpenReader(path_, mapped_);
  ASSERT_TRUE(reader.ok());
  auto writer = SqliteDatabase::OpenWriter(path_, {});
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->Execute("INSERT INTO t SELECT n + 1000, zeroblob(3000) FROM t").ok());
  ASSERT_TRUE((*writer)->Checkpoint()->complete());
  EXPECT_TRUE(SqliteReadTransaction::Begin(**reader).ok());
  EXPECT_TRUE(ReadAll(**reader).ok());
}

TEST_F(SqliteDamageTest, AShortFileWhoseRestIsInTheWalIsBroughtBackByTheWriter) {
  {
    auto writer = SqliteDatabase::OpenWriter(path_, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Execute("INSERT INTO t SELECT n + 1000, zeroblob(3000) FROM t").ok());
    // A checkpoint that a crash ended: the new page 1 is there, the pages behind it are not.
    fs::copy_file(path_, path_ + ".before");
    fs::copy_file(path_ + "-wal", path_ + ".before-wal");
    ASSERT_TRUE((*writer)->Checkpoint()->complete());
  }
  const auto long_size = fs::file_size(path_);
  fs::resize_file(path_, fs::file_size(path_ + ".before"));
  fs::copy_file(path_ + ".before-wal", path_ + "-wal", fs::copy_options::overwrite_existing);
  fs::remove(path_ + "-shm");
  auto writer = SqliteDatabase::OpenWriter(path_, mapped_);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_EQ(fs::file_size(path_), long_size);
  EXPECT_TRUE((*writer)->IntegrityCheck().ok());
}

TEST_F(SqliteDamageTest, ATornPageIsFoundByBothChecks) {
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(10 * 4096);
    file << std::string(4096, '\xff');
  }
  auto reader = SqliteDatabase::OpenReader(path_, {});
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(IsDamaged((*reader)->QuickCheck()));
  EXPECT_TRUE(IsDamaged((*reader)->IntegrityCheck()));
  EXPECT_TRUE(IsDamaged(ReadAll(**reader)));
}

TEST_F(SqliteDamageTest, ASoundFilePassesBothChecks) {
  auto reader = SqliteDatabase::OpenReader(path_, mapped_);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE((*reader)->QuickCheck().ok());
  EXPECT_TRUE((*reader)->IntegrityCheck().ok());
}

TEST_F(SqliteDamageTest, ADirectoryIsNoDatabase) {
  EXPECT_FALSE(SqliteDatabase::OpenWriter(directory_.path(), {}).ok());
  EXPECT_FALSE(SqliteDatabase::OpenReader(directory_.path(), {}).ok());
}

}  // namespace
}  // namespace holdfast::storage
