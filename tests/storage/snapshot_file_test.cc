#include "storage/snapshot_file.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/snapshot_assembler.h"
#include "storage/snapshot_chunks.h"
#include "storage/sqlite_database.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kCopy[] = "/d/snapshots/copy.db";

bool Never() { return false; }

class SnapshotFileTest : public testing::Test {
 protected:
  SnapshotFileTest() {
    EXPECT_TRUE(node_.Open().ok());
    EXPECT_TRUE(node_.files().MakeDirectories("/d/snapshots").ok());
    node_.Show(node_.Append(EpochDraft("node-1")));
    for (int i = 0; i < 50; ++i) {
      visible_ =
          node_.Commit({Put(absl::StrCat("/k/", i % 20), std::string(static_cast<size_t>(i * 50), 'v')),
                        Put("/last", absl::StrCat(i))});
    }
  }

  absl::StatusOr<SnapshotFile> Copy() { return CopySnapshot(node_.store(), kCopy, Never); }
  absl::StatusOr<SnapshotFile> Verify() { return VerifySnapshotFile(node_.Options(), kCopy, Never); }
  std::vector<std::string> Files() { return *node_.files().List("/d/snapshots"); }

  StoreUnderTest node_;
  Position visible_;
};

TEST_F(SnapshotFileTest, IsOneFileThatEndsWhereReadersWere) {
  const auto copy = Copy();
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->position, visible_);
  EXPECT_EQ(copy->state_digest, node_->state_digest());
  EXPECT_EQ(copy->key_count, 21);
  EXPECT_EQ(copy->schema_version, 1u);
  EXPECT_EQ(static_cast<int64_t>(copy->file_bytes), *node_.files().Size(kCopy));
  EXPECT_THAT(Files(), testing::ElementsAre("copy.db"));
  const auto verified = Verify();
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->position, visible_);
  EXPECT_EQ(verified->file_bytes, copy->file_bytes);
  EXPECT_THAT(Files(), testing::ElementsAre("copy.db"));
}

TEST_F(SnapshotFileTest, AFailedSyncOfTheCopyEndsTheProcess) {
  DiskFault fault;
  fault.operations = {DiskOperation::kSync};
  fault.path_suffix = "/copy.db";
  node_.disk().AddFault(fault);
  EXPECT_TRUE(IsFailedSync(Copy().status()));
  EXPECT_TRUE(IsFailedSync(node_->BeginBatch().status()));
}

TEST_F(SnapshotFileTest, BringsNothingThatReadersHaveNotSeen) {
  const Digest128 digest = node_->state_digest();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(
        node_.Append(CommitDraft({Delete(absl::StrCat("/k/", i)), Put("/last", "unseen"), Put("/new", "x")}))
            .ok());
  }
  const auto copy = Copy();
  ASSERT_TRUE(copy.ok()) << copy.status();
  EXPECT_EQ(copy->position, visible_);
  EXPECT_EQ(copy->state_digest, digest);
  EXPECT_EQ(copy->key_count, 21);
  EXPECT_TRUE(Verify().ok()) << Verify().status();
}

TEST_F(SnapshotFileTest, OfACompactedStoreStandsAloneToo) {
  node_.Show(node_.Append(CompactDraft(Revision(visible_.revision.number() - 10))));
  node_.MaintainFully();
  visible_ = node_.Commit({Put("/after", "1")});
  ASSERT_TRUE(Copy().ok());
  const auto verified = Verify();
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->position, visible_);
}

TEST_F(SnapshotFileTest, IsDurable) {
  ASSERT_TRUE(Copy().ok());
  const auto random = SeededRandom(3);
  node_.disk().Crash(CrashMode::kLoseUnsynced, *random);
  node_.Close();
  EXPECT_TRUE(Verify().ok());
}

TEST_F(SnapshotFileTest, ReplacesTheDataOfAnotherNode) {
  ASSERT_TRUE(Copy().ok());
  const std::string last = node_.Read("/last");
  StoreUnderTest other;
  ASSERT_TRUE(other.Open().ok());
  // Over the wire: manifest and chunks.
  const auto file = Verify();
  auto manifest = MakeSnapshotManifest(&node_.files(), *file, Never);
  ASSERT_TRUE(manifest.ok());
  auto assembler = SnapshotAssembler::Open(&other.files(), "/d/incoming.db", *manifest);
  ASSERT_TRUE(assembler.ok());
  while (!(*assembler)->is_complete()) {
    const auto chunk = ReadSnapshotChunk(&node_.files(), kCopy, *manifest, (*assembler)->next_chunk());
    ASSERT_TRUE((*assembler)->Add(*chunk).ok());
  }
  ASSERT_TRUE((*assembler)->Finish().ok());
  const auto received = VerifySnapshotFile(other.Options(), "/d/incoming.db", Never);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->position, visible_);
}

TEST_F(SnapshotFileTest, DamageAnywhereIsFound) {
  ASSERT_TRUE(Copy().ok());
  const int64_t size = *node_.files().Size(kCopy);
  for (int64_t byte = 50; byte < size; byte += 3001) {
    node_.disk().FlipBit(kCopy, byte, 1);
    const auto verified = Verify();
    EXPECT_TRUE(IsDamaged(verified.status())) << byte << " of " << size << ": " << verified.status();
    node_.disk().FlipBit(kCopy, byte, 1);
  }
  EXPECT_TRUE(Verify().ok());
}

TEST_F(SnapshotFileTest, AFileOfAnotherProgramIsNoSnapshot) {
  { ASSERT_TRUE(SqliteDatabase::OpenWriter(kCopy, {.vfs = node_.files().sqlite_vfs()}).ok()); }
  EXPECT_TRUE(IsDamaged(Verify().status())) << Verify().status();
}

TEST_F(SnapshotFileTest, AStoppedCopyLeavesNothing) {
  int asked = 0;
  const auto copy = CopySnapshot(node_.store(), kCopy, [&] { return ++asked > 0; });
  EXPECT_EQ(copy.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Files().empty());
}

TEST_F(SnapshotFileTest, AFullDiskIsSaidLeavesNothingAndTheStoreGoesOn) {
  node_.disk().LimitRoom(20'000);
  EXPECT_TRUE(IsDiskFull(Copy().status())) << Copy().status();
  EXPECT_TRUE(Files().empty());
  node_.disk().LiftLimit();
  node_.Commit({Put("/more", "1")});
  EXPECT_TRUE(Copy().ok());
}

}  // namespace
}  // namespace holdfast::storage
