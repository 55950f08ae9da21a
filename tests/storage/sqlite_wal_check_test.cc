#include "storage/sqlite_wal_check.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/storage/sqlite_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kWal[] = "/d/data.db-wal";
constexpr int kFrameBytes = 24 + 4096;

class SqliteWalCheckTest : public testing::Test {
 protected:
  SqliteWalCheckTest() { EXPECT_TRUE(files_.MakeDirectories("/d").ok()); }

  // Ten transactions of some frames each, all in the WAL; closed.
  void Build() {
    NumberTable table(&files_);
    ASSERT_TRUE(table.Open().ok());
    ASSERT_TRUE(table.database().Checkpoint().ok());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(table.Insert(i * 10, 10).ok());
    table.Close();
    frame_count_ = (*files_.Size(kWal) - 32) / kFrameBytes;
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  int64_t frame_count_ = 0;
};

TEST_F(SqliteWalCheckTest, ABitThatChangedBeforeTheLastTransactionIsDamageAndNotATornEnd) {
  Build();
  ASSERT_GT(frame_count_, 20);
  const int64_t places[] = {0, 5, 9, 17, 22, 24, 100, 4000};
  for (int64_t frame = 0; frame < frame_count_ - 12; ++frame) {
    const int64_t byte = 32 + frame * kFrameBytes + places[frame % 8];
    disk_.FlipBit(kWal, byte, static_cast<int>(frame % 8));
    NumberTable table(&files_);
    EXPECT_TRUE(IsDamaged(table.Open())) << "frame " << frame;
    table.Close();
    disk_.FlipBit(kWal, byte, static_cast<int>(frame % 8));
  }
  NumberTable table(&files_);
  ASSERT_TRUE(table.Open().ok());
  EXPECT_EQ(table.Rows().size(), 100u);
}

TEST_F(SqliteWalCheckTest, AnyBitOfTheHeaderCounts) {
  Build();
  for (int byte = 0; byte < 32; ++byte) {
    disk_.FlipBit(kWal, byte, byte % 8);
    NumberTable table(&files_);
    EXPECT_TRUE(IsDamaged(table.Open())) << "byte " << byte;
    table.Close();
    disk_.FlipBit(kWal, byte, byte % 8);
  }
}

TEST_F(SqliteWalCheckTest, TheLastTransactionMayBeTorn) {
  Build();
  disk_.FlipBit(kWal, 32 + (frame_count_ - 1) * kFrameBytes + 500, 1);
  NumberTable table(&files_);
  ASSERT_TRUE(table.Open().ok());
  EXPECT_EQ(table.Rows().size(), 90u);
}

}  // namespace
}  // namespace holdfast::storage
