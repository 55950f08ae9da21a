// Power cuts and full disks at every single place of a scripted run.
#include <cstdint>
#include <set>

#include "base/random.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "tests/storage/sqlite_fixture.h"

namespace holdfast::storage {
namespace {

constexpr int64_t kRowsPerCommit = 3;
constexpr int kCommits = 12;

// Commits batch after batch with a checkpoint now and then, until something fails. What was acknowledged is
// in `acknowledged`.
absl::Status RunScript(NumberTable& table, std::set<int64_t>& acknowledged) {
  const absl::Status opened = table.Open();
  if (!opened.ok()) return opened;
  for (int commit = 0; commit < kCommits; ++commit) {
    const int64_t from = commit * kRowsPerCommit;
    if (acknowledged.count(from) == 0) {
      const absl::Status inserted = table.Insert(from, kRowsPerCommit);
      if (!inserted.ok()) return inserted;
      for (int64_t n = from; n < from + kRowsPerCommit; ++n) acknowledged.insert(n);
    }
    if (commit % 4 == 3) {
      const auto checkpoint = table.database().Checkpoint();
      if (!checkpoint.ok()) return checkpoint.status();
    }
  }
  return absl::OkStatus();
}

// What must hold of any database that was left behind: sound, every acknowledged row there, no half commit.
void ExpectNothingLost(NumberTable& table, const std::set<int64_t>& acknowledged) {
  ASSERT_TRUE(table.database().IntegrityCheck().ok()) << table.database().IntegrityCheck();
  const std::set<int64_t> rows = table.Rows();
  for (const int64_t n : acknowledged) EXPECT_EQ(rows.count(n), 1u) << "row " << n << " was acknowledged";
  EXPECT_EQ(static_cast<int64_t>(rows.size()) % kRowsPerCommit, 0) << "half a commit";
  // At most the one commit whose outcome was never told may be there beside the acknowledged ones.
  EXPECT_LE(rows.size(), acknowledged.size() + kRowsPerCommit);
}

// Cuts the power after `changes`. True if the script ended before.
bool CutPowerAfter(int64_t changes, CrashMode mode, uint64_t seed) {
  SCOPED_TRACE(absl::StrCat("power cut after ", changes, " changes, seed ", seed));
  const auto random = SeededRandom(seed);
  MemoryDisk disk;
  MemoryFileSystem files(&disk);
  EXPECT_TRUE(files.MakeDirectories("/d").ok());
  NumberTable table(&files);
  std::set<int64_t> acknowledged;
  disk.PowerOffAfter(changes);
  const bool is_complete = RunScript(table, acknowledged).ok();
  disk.Crash(mode, *random);
  table.Close();  // the old handles are stale: closing them must do no harm

  EXPECT_TRUE(table.Open().ok());
  if (table.is_open()) ExpectNothingLost(table, acknowledged);
  // And it goes on from there.
  std::set<int64_t> present = table.Rows();
  EXPECT_TRUE(RunScript(table, present).ok());
  EXPECT_EQ(static_cast<int64_t>(table.Rows().size()), kCommits * kRowsPerCommit);
  return is_complete;
}

TEST(SqliteCrashTest, KeepsEveryAcknowledgedRowWhenUnsyncedWritesAreLostAtAnyPlace) {
  int64_t changes = 0;
  while (!CutPowerAfter(changes, CrashMode::kLoseUnsynced, 1)) {
    ASSERT_FALSE(testing::Test::HasFailure());
    ASSERT_LT(++changes, 2'000);
  }
  EXPECT_GT(changes, 50);
}

TEST(SqliteCrashTest, KeepsEveryAcknowledgedRowWhenUnsyncedWritesAreTornAtAnyPlace) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    int64_t changes = 0;
    while (!CutPowerAfter(changes, CrashMode::kTearUnsynced, seed)) {
      ASSERT_FALSE(testing::Test::HasFailure());
      ASSERT_LT(++changes, 2'000);
    }
  }
}

TEST(SqliteCrashTest, KeepsEveryAcknowledgedRowWhenTheProcessIsKilledAtAnyPlace) {
  int64_t changes = 0;
  while (!CutPowerAfter(changes, CrashMode::kKillProcess, 1)) {
    ASSERT_FALSE(testing::Test::HasFailure());
    ASSERT_LT(++changes, 2'000);
  }
}

// Fails every change from the n-th on for want of room. True if the script never noticed.
bool FillDiskAfter(int64_t changes) {
  SCOPED_TRACE(absl::StrCat("disk full after ", changes, " changes"));
  MemoryDisk disk;
  MemoryFileSystem files(&disk);
  EXPECT_TRUE(files.MakeDirectories("/d").ok());
  NumberTable table(&files);
  std::set<int64_t> acknowledged;
  disk.AddFault({.operations = {DiskOperation::kWrite, DiskOperation::kCreate},
                 .pass_count = changes,
                 .fail_count = DiskFault::kForever,
                 .error = DiskResult::kNoSpace});
  const absl::Status ran = RunScript(table, acknowledged);
  if (ran.ok()) return true;
  EXPECT_TRUE(IsDiskFull(ran)) << ran;
  if (!acknowledged.empty()) {  // reads go on
    const std::set<int64_t> rows = table.Rows();
    EXPECT_TRUE(rows == acknowledged);
  }
  disk.ClearFaults();
  // The same connection recovers by itself, if it was ever open.
  EXPECT_TRUE(RunScript(table, acknowledged).ok());
  ExpectNothingLost(table, acknowledged);
  EXPECT_EQ(static_cast<int64_t>(table.Rows().size()), kCommits * kRowsPerCommit);
  return false;
}

TEST(SqliteCrashTest, AFullDiskAtAnyPlaceIsSaidChangesNothingAndPasses) {
  int64_t changes = 0;
  while (!FillDiskAfter(changes)) {
    ASSERT_FALSE(testing::Test::HasFailure());
    ASSERT_LT(++changes, 2'000);
  }
  EXPECT_GT(changes, 30);
}

TEST(SqliteCrashTest, AFailedSyncAtAnyPlaceIsReportedAsSuchAndNothingAcknowledgedIsLost) {
  for (int64_t n = 0; n < 1'000; ++n) {
    SCOPED_TRACE(absl::StrCat("sync ", n, " fails"));
    const auto random = SeededRandom(7);
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    ASSERT_TRUE(files.MakeDirectories("/d").ok());
    NumberTable table(&files);
    std::set<int64_t> acknowledged;
    disk.AddFault({.operations = {DiskOperation::kSync}, .pass_count = n});
    const absl::Status ran = RunScript(table, acknowledged);
    if (ran.ok()) {
      EXPECT_GT(n, 10);
      return;
    }
    EXPECT_TRUE(IsFailedSync(ran)) << ran;
    disk.Crash(CrashMode::kLoseUnsynced, *random);  // the owner ends the process, and the power goes too
    table.Close();
    ASSERT_TRUE(table.Open().ok());
    ExpectNothingLost(table, acknowledged);
  }
  FAIL() << "the script never ended";
}

}  // namespace
}  // namespace holdfast::storage
