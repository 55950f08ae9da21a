#include "gtest/gtest.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"

namespace holdfast::storage {
namespace {

class MemoryDiskFreezeTest : public ::testing::Test {
 protected:
  MemoryDiskFreezeTest() : random_(SeededRandom(1)), files_(&disk_) {
    EXPECT_TRUE(files_.MakeDirectories("d").ok());
    EXPECT_TRUE(files_.WriteNewFile("d/before", "synced").ok());
  }

  // How many of the files that are written after the freeze was ordered are found after the crash.
  int Survivors(int64_t changes, CrashMode mode) {
    disk_.FreezeAfter(changes, [this] { ++frozen_; });
    for (const char* name : {"d/a", "d/b"}) EXPECT_TRUE(files_.WriteNewFile(name, "x").ok());
    EXPECT_TRUE(*files_.Exists("d/b")) << "what is done in vain is seen";
    disk_.Crash(mode, *random_);
    int found = 0;
    for (const char* name : {"d/a", "d/b"}) found += *files_.Exists(name) && *files_.ReadFile(name, 9) == "x";
    return found;
  }

  MemoryDisk disk_;
  std::unique_ptr<Random> random_;
  MemoryFileSystem files_;
  int frozen_ = 0;
};

TEST_F(MemoryDiskFreezeTest, NothingDoneAfterTheFreezeSurvives) {
  EXPECT_EQ(Survivors(0, CrashMode::kKillProcess), 0);
  EXPECT_EQ(frozen_, 1);
  EXPECT_EQ(*files_.ReadFile("d/before", 9), "synced");
}

TEST_F(MemoryDiskFreezeTest, WhatWasSyncedBeforeTheFreezeSurvives) {
  // Create, write, sync, sync of the directory: then the second file comes too late.
  EXPECT_EQ(Survivors(4, CrashMode::kLoseUnsynced), 1);
}

TEST_F(MemoryDiskFreezeTest, UnsyncedWritesBeforeTheFreezeSurviveAKill) {
  EXPECT_EQ(Survivors(2, CrashMode::kKillProcess), 1);
}

TEST_F(MemoryDiskFreezeTest, UnsyncedWritesBeforeTheFreezeDoNotSurviveAPowerCut) {
  EXPECT_EQ(Survivors(2, CrashMode::kLoseUnsynced), 0);
}

TEST_F(MemoryDiskFreezeTest, TheDiskIsAsNewAfterTheCrash) {
  EXPECT_EQ(Survivors(0, CrashMode::kLoseUnsynced), 0);
  EXPECT_FALSE(disk_.is_frozen());
  EXPECT_TRUE(files_.WriteNewFile("d/c", "x").ok());
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  EXPECT_TRUE(*files_.Exists("d/c"));
}

}  // namespace
}  // namespace holdfast::storage
