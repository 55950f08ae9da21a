#include "storage/sqlite_open_file.h"

#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_transaction.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

TEST(SqliteOpenFileTest, NoFileOfADatabaseHasItsAccessTimeSetByReaders) {
  testing::TemporaryDirectory root;
  SqliteOptions options;
  options.mmap_bytes = 1 << 20;
  auto writer = SqliteDatabase::OpenWriter(root / "data.db", options);
  ASSERT_TRUE(writer.ok()) << writer.status();
  ASSERT_TRUE((*writer)->Execute("CREATE TABLE numbers(n INTEGER PRIMARY KEY)").ok());
  auto reader = SqliteDatabase::OpenReader(root / "data.db", options);
  ASSERT_TRUE(reader.ok()) << reader.status();
  const auto pinned = SqliteReadTransaction::Begin(**reader);
  ASSERT_TRUE(pinned.ok()) << pinned.status();
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the descriptor of this very listing
    const std::string path = std::filesystem::read_symlink(entry, gone).string();
    if (gone || !absl::StartsWith(path, root / "data.db")) continue;
    ++count;
    EXPECT_NE(fcntl(std::stoi(entry.path().filename().string()), F_GETFL) & O_NOATIME, 0) << path;
  }
  EXPECT_GE(count, 4) << "the database and its WAL, twice";
}

TEST(SqliteOpenFileTest, AFileOfAnotherOwnerIsOpenedAllTheSame) {
  constexpr uid_t kNobody = 65534;
  constexpr char kOfRoot[] = "/etc/passwd";
  setfsuid(kNobody);  // of this thread; only root can
  struct stat found;
  ASSERT_EQ(stat(kOfRoot, &found), 0);
  const bool is_other = found.st_uid != static_cast<uid_t>(setfsuid(static_cast<uid_t>(-1)));
  const int file = OpenFileWithoutAccessTime(kOfRoot, O_RDONLY, 0);
  setfsuid(geteuid());
  if (!is_other) GTEST_SKIP() << "owns every file";
  ASSERT_GE(file, 0);
  EXPECT_EQ(fcntl(file, F_GETFL) & O_NOATIME, 0);
  close(file);
}

TEST(SqliteOpenFileTest, WhatIsNotThereIsNotMade) {
  testing::TemporaryDirectory root;
  EXPECT_EQ(OpenFileWithoutAccessTime((root / "none").c_str(), O_RDONLY, 0), -1);
  EXPECT_EQ(errno, ENOENT);
}

}  // namespace
}  // namespace holdfast::storage
