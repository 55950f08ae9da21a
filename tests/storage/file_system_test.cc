// One conformance suite for every FileSystem.
#include "storage/file_system.h"

#include <memory>

#include "base/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/memory_file_system.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

using ::testing::ElementsAre;

class FileSystemTest : public ::testing::TestWithParam<bool> {
 protected:
  FileSystemTest() {
    if (GetParam()) {
      memory_ = std::make_unique<MemoryFileSystem>(&disk_);
      files_ = memory_.get();
      EXPECT_TRUE(files_->MakeDirectories(root_.path()).ok());
    } else {
      files_ = PosixFileSystem();
    }
  }

  testing::TemporaryDirectory root_;
  MemoryDisk disk_;
  std::unique_ptr<MemoryFileSystem> memory_;
  FileSystem* files_;
};

INSTANTIATE_TEST_SUITE_P(, FileSystemTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Memory" : "Posix"; });

TEST_P(FileSystemTest, ReadsBackWhatWasWritten) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(files_->WriteNewFile(root_ / "f", bytes).ok());
  EXPECT_EQ(*files_->ReadFile(root_ / "f", 4), bytes);
  EXPECT_EQ(*files_->Size(root_ / "f"), 4);
  EXPECT_EQ(*files_->ReadAt(root_ / "f", 1, 2), bytes.substr(1, 2));
  EXPECT_EQ(*files_->ReadAt(root_ / "f", 3, 100), "\n");
  EXPECT_EQ(*files_->ReadAt(root_ / "f", 100, 100), "");
}

TEST_P(FileSystemTest, RefusesToReadAFileLargerThanTheLimit) {
  ASSERT_TRUE(files_->WriteNewFile(root_ / "f", "12345").ok());
  EXPECT_EQ(ReasonOf(files_->ReadFile(root_ / "f", 4).status()), "RESOURCE_EXHAUSTED");
}

TEST_P(FileSystemTest, NeverOverwritesWithANewFile) {
  ASSERT_TRUE(files_->WriteNewFile(root_ / "f", "old").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(files_->WriteNewFile(root_ / "f", "new")));
  EXPECT_TRUE(absl::IsAlreadyExists(files_->CreateAppendStream(root_ / "f").status()));
  EXPECT_EQ(*files_->ReadFile(root_ / "f", 10), "old");
}

TEST_P(FileSystemTest, AppendsInOrder) {
  auto stream = files_->CreateAppendStream(root_ / "f");
  ASSERT_TRUE(stream.ok()) << stream.status();
  ASSERT_TRUE((*stream)->Append("one").ok());
  ASSERT_TRUE((*stream)->Sync().ok());
  ASSERT_TRUE((*stream)->Append("two").ok());
  EXPECT_EQ((*stream)->size(), 6);
  ASSERT_TRUE((*stream)->Close().ok());
  EXPECT_EQ(*files_->ReadFile(root_ / "f", 10), "onetwo");
}

TEST_P(FileSystemTest, RenameReplacesTheTarget) {
  ASSERT_TRUE(files_->WriteNewFile(root_ / "new", "new").ok());
  ASSERT_TRUE(files_->WriteNewFile(root_ / "old", "old").ok());
  ASSERT_TRUE(files_->Rename(root_ / "new", root_ / "old").ok());
  EXPECT_EQ(*files_->ReadFile(root_ / "old", 10), "new");
  EXPECT_FALSE(*files_->Exists(root_ / "new"));
}

TEST_P(FileSystemTest, RenamesIntoAnotherDirectoryButNoDirectories) {
  ASSERT_TRUE(files_->WriteNewFile(root_ / "f", "x").ok());
  ASSERT_TRUE(files_->MakeDirectories(root_ / "d").ok());
  ASSERT_TRUE(files_->Rename(root_ / "f", root_ / "d/f").ok());
  EXPECT_TRUE(*files_->Exists(root_ / "d/f"));
  EXPECT_EQ(ReasonOf(files_->Rename(root_ / "d", root_ / "e")), "IO_ERROR");
}

TEST_P(FileSystemTest, SaysNotFoundOfWhatIsNotThere) {
  EXPECT_TRUE(absl::IsNotFound(files_->ReadFile(root_ / "f", 1).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->ReadAt(root_ / "f", 0, 1).status()));
  EXPECT_TRUE(absl::IsNotFound(files_->Size(root_ / "f").status()));
  EXPECT_TRUE(absl::IsNotFound(files_->Remove(root_ / "f")));
  EXPECT_TRUE(absl::IsNotFound(files_->Rename(root_ / "f", root_ / "g")));
  EXPECT_TRUE(absl::IsNotFound(files_->List(root_ / "d").status()));
  EXPECT_TRUE(absl::IsNotFound(files_->SyncDirectory(root_ / "d")));
  EXPECT_TRUE(absl::IsNotFound(files_->WriteNewFile(root_ / "d/f", "x")));
  EXPECT_FALSE(*files_->Exists(root_ / "f"));
}

TEST_P(FileSystemTest, ListsNamesInOrder) {
  ASSERT_TRUE(files_->MakeDirectories(root_ / "c/deep").ok());
  ASSERT_TRUE(files_->WriteNewFile(root_ / "b", "").ok());
  ASSERT_TRUE(files_->WriteNewFile(root_ / "a", "").ok());
  ASSERT_TRUE(files_->WriteNewFile(root_ / "c/below", "").ok());
  EXPECT_THAT(*files_->List(root_.path()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*files_->List(root_ / "c"), ElementsAre("below", "deep"));
}

TEST_P(FileSystemTest, MakesDirectoriesOnceOrOften) {
  EXPECT_TRUE(files_->MakeDirectories(root_ / "a/b/c").ok());
  EXPECT_TRUE(files_->MakeDirectories(root_ / "a/b/c").ok());
  EXPECT_TRUE(*files_->Exists(root_ / "a/b"));
  ASSERT_TRUE(files_->WriteNewFile(root_ / "f", "").ok());
  EXPECT_FALSE(files_->MakeDirectories(root_ / "f").ok());
}

TEST_P(FileSystemTest, RemovesFilesAndEmptyDirectoriesOnly) {
  ASSERT_TRUE(files_->MakeDirectories(root_ / "d").ok());
  ASSERT_TRUE(files_->WriteNewFile(root_ / "d/f", "x").ok());
  EXPECT_FALSE(files_->Remove(root_ / "d").ok());
  EXPECT_TRUE(files_->Remove(root_ / "d/f").ok());
  EXPECT_TRUE(files_->Remove(root_ / "d").ok());
  EXPECT_FALSE(*files_->Exists(root_ / "d"));
}

TEST_P(FileSystemTest, ALockExcludesEveryoneUntilItIsReleased) {
  auto lock = files_->Lock(root_ / "lock");
  ASSERT_TRUE(lock.ok()) << lock.status();
  EXPECT_EQ(ReasonOf(files_->Lock(root_ / "lock").status()), "DATA_DIR_LOCKED");
  lock->reset();
  EXPECT_TRUE(files_->Lock(root_ / "lock").ok());
}

TEST_P(FileSystemTest, KnowsThatThereIsRoom) { EXPECT_GT(*files_->FreeBytes(root_.path()), 0); }

TEST(PosixFileSystemTest, ALockNamesItsHolder) {
  testing::TemporaryDirectory root;
  const auto lock = PosixFileSystem()->Lock(root / "lock");
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(DetailOf(PosixFileSystem()->Lock(root / "lock").status(), "pid"), std::to_string(getpid()));
}

TEST(ParentDirectoryTest, IsWhatStandsBeforeTheLastSlash) {
  EXPECT_EQ(ParentDirectory("/a/b"), "/a");
  EXPECT_EQ(ParentDirectory("/a"), "/");
  EXPECT_EQ(ParentDirectory("a"), ".");
}

}  // namespace
}  // namespace holdfast::storage
