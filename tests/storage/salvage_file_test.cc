#include "storage/salvage_file.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"

namespace holdfast::storage {
namespace {

constexpr char kDir[] = "/d";

class SalvageFileTest : public testing::Test {
 protected:
  SalvageFileTest() {
    EXPECT_TRUE(files_.MakeDirectories(kDir).ok());
    Position at{Revision(0, 41), {}};
    at.chain_hash.bytes[0] = 7;
    header_.ancestor = at;
    for (int i = 0; i < 30; ++i) {
      SalvageRecord record;
      record.bytes = std::string(static_cast<size_t>(i * 1000), static_cast<char>(i));
      at = {Revision(0, at.revision.index() + 1), NextChainHash(at.chain_hash, record.bytes)};
      record.position = at;
      record.was_visible = i < 5;
      records_.push_back(record);
    }
    header_.cluster_id = "c1";
    header_.node_id = "dc1-a";
    header_.incarnation = "abcd";
    header_.reason = "a test";
    header_.made_at = absl::FromUnixSeconds(1'700'000'000);
    header_.first_lost = {records_[0].position, records_[1].position};
  }

  absl::StatusOr<std::string> Write() {
    auto writer = SalvageWriter::Create(&files_, kDir, header_);
    if (!writer.ok()) return writer.status();
    for (const SalvageRecord& record : records_) {
      const absl::Status added = (*writer)->Add(record.position, record.bytes, record.was_visible);
      if (!added.ok()) return added;
    }
    return (*writer)->Finish();
  }

  MemoryDisk disk_;
  MemoryFileSystem files_{&disk_};
  SalvageHeader header_;
  std::vector<SalvageRecord> records_;
};

TEST_F(SalvageFileTest, GivesBackEveryRecordExactly) {
  const auto path = Write();
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_EQ(*path, "/d/salvage/salvage-0.42-20231114T221320Z-1.hfsalvage");
  auto reader = SalvageReader::Open(&files_, *path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->header().node_id, "dc1-a");
  EXPECT_EQ((*reader)->header().ancestor, header_.ancestor);
  EXPECT_EQ((*reader)->header().first_lost, header_.first_lost);
  EXPECT_EQ((*reader)->header().made_at, header_.made_at);
  SalvageRecord record;
  for (const SalvageRecord& expected : records_) {
    ASSERT_TRUE(*(*reader)->Next(&record));
    EXPECT_EQ(record.position, expected.position);
    EXPECT_EQ(record.bytes, expected.bytes);
    EXPECT_EQ(record.was_visible, expected.was_visible);
  }
  EXPECT_FALSE(*(*reader)->Next(&record));
  const auto summary = VerifySalvageFile(&files_, *path);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->record_count, 30);
  EXPECT_EQ(summary->visible_count, 5);
  EXPECT_EQ(summary->last, records_.back().position);
}

TEST_F(SalvageFileTest, TwoFilesOfOneSecondHaveTwoNames) {
  ASSERT_TRUE(Write().ok());
  EXPECT_THAT(*Write(), testing::HasSubstr("Z-2.hfsalvage"));
  EXPECT_EQ(ListSalvageFiles(&files_, kDir)->size(), 2u);
}

TEST_F(SalvageFileTest, HasNoNameBeforeItIsFinished) {
  {
    auto writer = SalvageWriter::Create(&files_, kDir, header_);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Add(records_[0].position, records_[0].bytes, true).ok());
    EXPECT_TRUE(ListSalvageFiles(&files_, kDir)->empty());
  }
  EXPECT_TRUE(files_.List("/d/salvage")->empty());
}

TEST_F(SalvageFileTest, IsDurableOnceFinished) {
  const auto path = Write();
  ASSERT_TRUE(path.ok());
  const auto random = SeededRandom(1);
  disk_.Crash(CrashMode::kLoseUnsynced, *random);
  EXPECT_TRUE(VerifySalvageFile(&files_, *path).ok());
}

TEST_F(SalvageFileTest, AFileThatAPowerCutLeftHasNoName) {
  for (int64_t changes = 0;; ++changes) {
    ASSERT_LT(changes, 100);
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    ASSERT_TRUE(files.MakeDirectories(kDir).ok());
    disk.PowerOffAfter(changes);
    absl::Status ended;
    {
      auto writer = SalvageWriter::Create(&files, kDir, header_);
      ended = writer.status();
      for (const SalvageRecord& record : records_) {
        if (ended.ok()) ended = (*writer)->Add(record.position, record.bytes, record.was_visible);
      }
      if (ended.ok()) ended = (*writer)->Finish().status();
    }
    const auto random = SeededRandom(static_cast<uint64_t>(changes));
    disk.Crash(CrashMode::kTearUnsynced, *random);
    const auto listed = ListSalvageFiles(&files, kDir);
    ASSERT_TRUE(listed.ok());
    for (const std::string& path : *listed) EXPECT_TRUE(VerifySalvageFile(&files, path).ok());
    if (ended.ok()) {
      EXPECT_EQ(listed->size(), 1u);
      return;
    }
  }
}

TEST_F(SalvageFileTest, EveryFlippedBitIsFound) {
  records_.resize(3);
  const auto path = Write();
  ASSERT_TRUE(path.ok());
  const int64_t size = *files_.Size(*path);
  for (int64_t byte = 0; byte < size; byte += 1) {
    disk_.FlipBit(*path, byte, static_cast<int>(byte % 8));
    EXPECT_FALSE(VerifySalvageFile(&files_, *path).ok()) << "byte " << byte << " of " << size;
    disk_.FlipBit(*path, byte, static_cast<int>(byte % 8));
  }
  EXPECT_TRUE(VerifySalvageFile(&files_, *path).ok());
}

TEST_F(SalvageFileTest, AFileCutShortOrContinuedIsDamaged) {
  const std::string bytes = *files_.ReadFile(*Write(), 1 << 20);
  for (const size_t size : {size_t{0}, size_t{5}, size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
    const std::string cut = absl::StrCat("/d/cut-", size, ".hfsalvage");
    ASSERT_TRUE(files_.WriteNewFile(cut, bytes.substr(0, size)).ok());
    EXPECT_TRUE(IsDamaged(VerifySalvageFile(&files_, cut).status())) << size;
  }
  ASSERT_TRUE(files_.WriteNewFile("/d/longer", bytes + "x").ok());
  EXPECT_TRUE(IsDamaged(VerifySalvageFile(&files_, "/d/longer").status()));
}

TEST_F(SalvageFileTest, AFileOfANewerReleaseIsNotTouched) {
  std::string bytes = *files_.ReadFile(*Write(), 1 << 20);
  bytes[8] = 2;
  ASSERT_TRUE(files_.WriteNewFile("/d/newer", bytes).ok());
  EXPECT_EQ(ReasonOf(VerifySalvageFile(&files_, "/d/newer").status()), "SCHEMA_TOO_NEW");
}

TEST_F(SalvageFileTest, AFullDiskIsSaidAndLeavesNothing) {
  disk_.LimitRoom(4096);
  EXPECT_TRUE(IsDiskFull(Write().status()));
  EXPECT_TRUE(files_.List("/d/salvage")->empty());
}

TEST_F(SalvageFileTest, ANodeWithoutSalvageListsNone) {
  EXPECT_TRUE(ListSalvageFiles(&files_, "/d")->empty());
}

}  // namespace
}  // namespace holdfast::storage
