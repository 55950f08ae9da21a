#include "storage/errors.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gtest/gtest.h"

namespace holdfast::storage {
namespace {

TEST(StorageErrorsTest, EachCarriesItsReasonAndItsPath) {
  const std::pair<absl::Status, std::string> expected[] = {
      {DiskFullError("/d"), "DISK_FULL"},
      {DamagedDatabaseError("/d", "torn"), "DATA_DAMAGED"},
      {DatabaseBusyError("/d"), "RESOURCE_EXHAUSTED"},
      {OutOfMemoryError("/d"), "RESOURCE_EXHAUSTED"},
      {NewerSchemaError("/d", 9, 1), "SCHEMA_TOO_NEW"},
      {LockedByAnotherProcessError("/d", 4711), "DATA_DIR_LOCKED"},
      {IoError("/d", "read"), "IO_ERROR"},
      {FailedSyncError("/d", "EIO"), "IO_ERROR"},
      {NoSuchFileError("/d"), "IO_ERROR"},
      {FileExistsError("/d"), "IO_ERROR"},
      {FileTooLargeError("/d", 9, 8), "RESOURCE_EXHAUSTED"},
      {StatementError("/d", "syntax"), "INTERNAL"},
  };
  for (const auto& [status, reason] : expected) {
    EXPECT_EQ(ReasonOf(status), reason) << status;
    EXPECT_EQ(DetailOf(status, "path"), "/d") << status;
  }
}

TEST(StorageErrorsTest, NamesWhoHoldsTheLockAndWhichSchemaWasFound) {
  EXPECT_EQ(DetailOf(LockedByAnotherProcessError("/d", 4711), "pid"), "4711");
  EXPECT_EQ(DetailOf(NewerSchemaError("/d", 9, 1), "found"), "9");
  EXPECT_EQ(DetailOf(NewerSchemaError("/d", 9, 1), "known"), "1");
}

TEST(StorageErrorsTest, WhatNeedsAHandSaysWhatToType) {
  const absl::Status damage = DamagedDatabaseError("/d/data.db", "torn");
  for (const absl::Status& status :
       {DamagedPrimaryError("/d", damage), DamagedServerIdentityError("/d", damage),
        BrokenChainError(7, "no hash"), DivergedError(Revision(7))}) {
    EXPECT_TRUE(absl::StrContains(status.message(), "`holdfast snapshot restore FILE --data-dir DIR`"))
        << status;
  }
  EXPECT_TRUE(absl::StrContains(OtherNodeError("a", "b").message(), "set node_id = \"a\""));
}

// Where there were three branches, numbers show no more than how much can be shared.
TEST(StorageErrorsTest, WhoSawALostRevisionIsToldHowMuchOfItsHistoryIsSharedAtMost) {
  const absl::Status lost = LostRevisionError(Revision(1, 45), Revision(0, 60));
  EXPECT_TRUE(absl::StrContains(lost.message(), "at most")) << lost;
  EXPECT_EQ(DetailOf(lost, "common_revision"), absl::StrCat(Revision(0, 60).number()));
  EXPECT_EQ(DetailOf(lost, "revision"), absl::StrCat(Revision(1, 45).number()));
}

TEST(StorageErrorsTest, OnlyAFailedSyncIsAFailedSync) {
  EXPECT_TRUE(IsFailedSync(FailedSyncError("/d", "EIO")));
  EXPECT_FALSE(IsFailedSync(IoError("/d", "EIO")));
  EXPECT_FALSE(IsFailedSync(absl::OkStatus()));
}

}  // namespace
}  // namespace holdfast::storage
