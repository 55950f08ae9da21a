#include "storage/memory_disk.h"

#include "base/error.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/memory_file_system.h"

namespace holdfast::storage {
namespace {

class MemoryDiskTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryFile> Create(absl::string_view path) {
    std::shared_ptr<MemoryFile> file;
    bool is_created = false;
    EXPECT_EQ(disk_.Open(path, {.create = true}, &file, &is_created), DiskResult::kOk);
    return file;
  }

  std::string Content(absl::string_view path) {
    const auto bytes = files_.ReadFile(path, 1 << 20);
    return bytes.ok() ? *bytes : "(none)";
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  const std::unique_ptr<Random> random_ = SeededRandom(1);
};

TEST_F(MemoryDiskTest, LosesWhatWasNotSynced) {
  const auto file = Create("f");
  disk_.Write(*file, 0, "synced");
  disk_.Sync(*file);
  disk_.SyncDirectory(".");
  disk_.Write(*file, 0, "SYNC");
  disk_.Truncate(*file, 2);
  EXPECT_EQ(Content("f"), "SY");
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(Content("f"), "synced");
}

TEST_F(MemoryDiskTest, KeepsEverythingWhenOnlyTheProcessDies) {
  const auto file = Create("f");
  disk_.Write(*file, 0, "written");
  disk_.Crash(CrashMode::kKillProcess, *random_);
  EXPECT_EQ(Content("f"), "written");
}

TEST_F(MemoryDiskTest, ASyncedFileWithoutASyncedNameIsLost) {
  const auto file = Create("f");
  disk_.Write(*file, 0, "x");
  disk_.Sync(*file);
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(Content("f"), "(none)");
}

TEST_F(MemoryDiskTest, AnUnsyncedRemovalOrRenameIsUndone) {
  ASSERT_TRUE(files_.WriteNewFile("a", "a").ok());
  ASSERT_TRUE(files_.WriteNewFile("b", "b").ok());
  disk_.Remove("a");
  disk_.Rename("b", "c");
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(Content("a"), "a");
  EXPECT_EQ(Content("b"), "b");
  EXPECT_EQ(Content("c"), "(none)");
}

TEST_F(MemoryDiskTest, TearsAtSectorBoundaries) {
  const std::string old_bytes(2048, 'o');
  const std::string new_bytes(2048, 'n');
  bool seen_torn = false;
  for (uint64_t seed = 1; seed < 20; ++seed) {
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    ASSERT_TRUE(files.WriteNewFile("f", old_bytes).ok());
    std::shared_ptr<MemoryFile> file;
    bool is_created = false;
    disk.Open("f", {}, &file, &is_created);
    disk.Write(*file, 0, new_bytes);
    disk.Crash(CrashMode::kTearUnsynced, *SeededRandom(seed));
    const std::string left = *files.ReadFile("f", 4096);
    ASSERT_EQ(left.size(), 2048u);
    for (size_t sector = 0; sector < 4; ++sector) {
      const std::string piece = left.substr(sector * 512, 512);
      EXPECT_TRUE(piece == old_bytes.substr(0, 512) || piece == new_bytes.substr(0, 512));
    }
    seen_torn |= left != old_bytes && left != new_bytes;
  }
  EXPECT_TRUE(seen_torn);
}

TEST_F(MemoryDiskTest, TheSameSeedLeavesTheSameBytes) {
  std::string left[2];
  for (std::string& bytes : left) {
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    ASSERT_TRUE(files.WriteNewFile("f", std::string(10'000, 'o')).ok());
    std::shared_ptr<MemoryFile> file;
    bool is_created = false;
    disk.Open("f", {}, &file, &is_created);
    disk.Write(*file, 100, std::string(9'000, 'n'));
    disk.Crash(CrashMode::kTearUnsynced, *SeededRandom(42));
    bytes = *files.ReadFile("f", 1 << 20);
  }
  EXPECT_EQ(left[0], left[1]);
}

TEST_F(MemoryDiskTest, OldHandlesFailAfterACrashEvenOfRemovedFiles) {
  const auto kept = Create("kept");
  const auto removed = Create("removed");
  disk_.Remove("removed");
  disk_.Crash(CrashMode::kKillProcess, *random_);
  for (const auto& file : {kept, removed}) {
    EXPECT_EQ(disk_.Write(*file, 0, "x"), DiskResult::kIoError);
    EXPECT_EQ(disk_.Sync(*file), DiskResult::kIoError);
  }
  EXPECT_EQ(Content("kept"), "");
}

TEST_F(MemoryDiskTest, AFailedSyncLosesItsWritesThoughTheNextSucceeds) {
  const auto file = Create("f");
  disk_.SyncDirectory(".");
  disk_.Write(*file, 0, "lost");
  disk_.AddFault({.operations = {DiskOperation::kSync}});
  EXPECT_EQ(disk_.Sync(*file), DiskResult::kIoError);
  EXPECT_EQ(disk_.Sync(*file), DiskResult::kOk);
  EXPECT_EQ(Content("f"), "lost") << "until the power goes, nobody notices";
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(Content("f"), "");
}

TEST_F(MemoryDiskTest, FailsTheOperationsThatWereChosenAndNoOthers) {
  const auto file = Create("f");
  disk_.AddFault(
      {.operations = {DiskOperation::kWrite}, .path_suffix = "f", .pass_count = 1, .fail_count = 2});
  EXPECT_EQ(disk_.Write(*file, 0, "1"), DiskResult::kOk);
  EXPECT_EQ(disk_.Write(*Create("g"), 0, "1"), DiskResult::kOk);
  EXPECT_EQ(disk_.Write(*file, 0, "2"), DiskResult::kIoError);
  EXPECT_EQ(disk_.Write(*file, 0, "3"), DiskResult::kIoError);
  EXPECT_EQ(disk_.Write(*file, 0, "4"), DiskResult::kOk);
  EXPECT_EQ(Content("f"), "4");
}

TEST_F(MemoryDiskTest, AFullDiskTakesWhatFitsAndOverwritesStill) {
  ASSERT_TRUE(files_.WriteNewFile("f", "12345").ok());
  disk_.LimitRoom(3);
  EXPECT_EQ(*files_.FreeBytes("."), 3);
  EXPECT_TRUE(IsDiskFull(files_.WriteNewFile("g", "abcdef")));
  EXPECT_EQ(Content("g"), "abc");
  std::shared_ptr<MemoryFile> file;
  bool is_created = false;
  disk_.Open("f", {}, &file, &is_created);
  EXPECT_EQ(disk_.Write(*file, 0, "54321"), DiskResult::kOk);
  disk_.LiftLimit();
  EXPECT_TRUE(files_.WriteNewFile("h", "abcdef").ok());
}

TEST_F(MemoryDiskTest, PowerOffLetsNothingThrough) {
  const auto file = Create("f");
  disk_.PowerOffAfter(1);
  EXPECT_EQ(disk_.Write(*file, 0, "1"), DiskResult::kOk);
  EXPECT_FALSE(disk_.is_off());
  EXPECT_EQ(disk_.Write(*file, 0, "2"), DiskResult::kIoError);
  EXPECT_TRUE(disk_.is_off());
  EXPECT_FALSE(files_.ReadFile("f", 10).ok());
  disk_.Crash(CrashMode::kKillProcess, *random_);
  EXPECT_EQ(Content("f"), "1");
}

TEST_F(MemoryDiskTest, ShowsEveryOperationToItsHookBeforeItHappens) {
  std::vector<std::string> seen;
  disk_.SetHook([&](DiskOperation operation, absl::string_view path) {
    if (operation == DiskOperation::kSync) seen.push_back(std::string(path));
  });
  ASSERT_TRUE(files_.WriteNewFile("f", "x").ok());
  EXPECT_EQ(seen, std::vector<std::string>{"f"});
  EXPECT_EQ(disk_.counters().syncs, 1);
  EXPECT_EQ(disk_.counters().directory_syncs, 1);
  EXPECT_EQ(disk_.counters().written_bytes, 1);
}

TEST_F(MemoryDiskTest, ACrashReleasesLocksAndEndsStreams) {
  const auto lock = files_.Lock("lock");
  ASSERT_TRUE(lock.ok());
  const auto stream = files_.CreateAppendStream("f");
  ASSERT_TRUE(stream.ok());
  disk_.Crash(CrashMode::kKillProcess, *random_);
  EXPECT_TRUE(files_.Lock("lock").ok());
  EXPECT_FALSE((*stream)->Append("x").ok());
}

TEST_F(MemoryDiskTest, WhatAFileSystemCallConfirmedOutlivesAnyCrash) {
  ASSERT_TRUE(files_.MakeDirectories("/d").ok());
  ASSERT_TRUE(files_.WriteNewFile("/d/old", "content").ok());
  ASSERT_TRUE(files_.Rename("/d/old", "/d/new").ok());
  ASSERT_TRUE(files_.WriteNewFile("/d/gone", "").ok());
  ASSERT_TRUE(files_.Remove("/d/gone").ok());
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(*files_.List("/d"), std::vector<std::string>{"new"});
  EXPECT_EQ(Content("/d/new"), "content");
}

TEST_F(MemoryDiskTest, AStreamKeepsWhatItSynced) {
  const auto stream = files_.CreateAppendStream("f");
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE((*stream)->Append("kept").ok());
  ASSERT_TRUE((*stream)->Sync().ok());
  ASSERT_TRUE((*stream)->Append("lost").ok());
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_EQ(Content("f"), "kept");
}

TEST_F(MemoryDiskTest, AFailedSyncOfAStreamIsToldApart) {
  disk_.AddFault({.operations = {DiskOperation::kSync}});
  EXPECT_TRUE(IsFailedSync(files_.WriteNewFile("f", "x")));
}

}  // namespace
}  // namespace holdfast::storage
