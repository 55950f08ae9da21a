// Copies that keep what is not visible yet (R15): made, verified, put in the place of another node's data,
// and cut again.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/salvage_file.h"
#include "storage/snapshot_chunks.h"
#include "storage/snapshot_file.h"
#include "tests/storage/replacement_listener.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

using ::testing::ElementsAre;

constexpr char kCopy[] = "/d/copy.db";
constexpr char kIncoming[] = "/d/incoming.db";

bool Never() { return false; }

void Follow(StoreUnderTest& from, StoreUnderTest& to) {
  const auto records =
      from->log().ReadAfter(to->appended().revision, from->appended().revision, 1000, 1 << 30);
  ASSERT_TRUE(records.ok()) << records.status();
  auto batch = to->BeginBatch();
  ASSERT_TRUE(batch.ok());
  for (const LogRecordPtr& record : *records)
    ASSERT_TRUE((*batch)->AppendEncoded(record->previous, record->bytes).ok());
  ASSERT_TRUE((*batch)->Commit().ok());
}

// A primary of epoch 2 that shows what is of epoch 0 and holds more, and a node that went another way in
// epoch 1, where that was shown: higher than what the primary shows.
struct Sites {
  Sites() {
    EXPECT_TRUE(primary.Open().ok() && node.Open().ok());
    primary.Show(primary.Append(EpochDraft("node-1")));
    for (int i = 0; i < 20; ++i) primary.Commit({Put(absl::StrCat("k", i % 5), absl::StrCat(i))});
    Follow(primary, node);
    EXPECT_TRUE(node->AdvanceVisible(node->appended()).ok());
    shared = node->appended();
    node.Show(node.Append(EpochDraft("node-1"), 1));
    branch_end = node.Commit({Put("k1", "of the other branch"), Put("other", "1")});
    for (int i = 0; i < 6; ++i) shown = primary.Commit({Put("k2", absl::StrCat("own ", i))});
    digest = primary->state_digest();
    state = primary.ReadAll(shown.revision);
    EXPECT_TRUE(primary.Append(EpochDraft("node-1"), 2).ok());
    EXPECT_TRUE(primary.Append(CommitDraft({Delete("k1"), Put("k2", "unseen"), Put("new", "x")})).ok());
    end = primary->appended();
  }

  SnapshotFile Lend(SnapshotTail tail = SnapshotTail::kKept) {
    const auto copy = CopySnapshot(primary.store(), kCopy, Never, tail);
    EXPECT_TRUE(copy.ok()) << copy.status();
    const auto bytes = primary.files().ReadFile(kCopy, int64_t{1} << 30);
    EXPECT_TRUE(bytes.ok() && node.files().WriteNewFile(kIncoming, *bytes).ok());
    return *copy;
  }
  absl::Status Take() {
    const SnapshotFile file = Lend();
    return node->ReplaceWith(kIncoming, file.position, file.visible, "test");
  }

  StoreUnderTest primary;
  StoreUnderTest node;
  Position shared;
  Position shown;  // at the primary
  Position end;    // of the primary's log
  Position branch_end;
  Digest128 digest;  // at `shown`
  std::map<std::string, std::string> state;
};

TEST(SnapshotTailTest, EndsWhereTheLogDoesAndSaysWhatReadersSaw) {
  Sites sites;
  const SnapshotFile copy = sites.Lend();
  EXPECT_EQ(copy.position, sites.end);
  EXPECT_EQ(copy.visible, sites.shown);
  EXPECT_EQ(copy.state_digest, sites.primary->state_digest());
  const auto verified = VerifySnapshotFile(sites.node.Options(), kIncoming, Never);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->position, sites.end);
  EXPECT_EQ(verified->visible, sites.shown);
  const auto manifest = MakeSnapshotManifest(&sites.primary.files(), copy, Never);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_TRUE(CheckSnapshotManifest(*manifest).ok());
  EXPECT_EQ(*VisibleOf(*manifest), sites.shown);
}

TEST(SnapshotTailTest, IsThereOnlyIfAskedForAndOnlyIfThereIsOne) {
  Sites sites;
  const SnapshotFile cut = sites.Lend(SnapshotTail::kCut);
  EXPECT_EQ(cut.position, sites.shown);
  EXPECT_EQ(cut.visible, sites.shown);
  EXPECT_EQ(cut.state_digest, sites.digest);
  EXPECT_FALSE(MakeSnapshotManifest(&sites.primary.files(), cut, Never)->has_visible());
  ASSERT_TRUE(sites.primary->AdvanceVisible(sites.end).ok());
  ASSERT_TRUE(sites.primary.files().Remove(kCopy).ok());
  const auto whole = CopySnapshot(sites.primary.store(), kCopy, Never, SnapshotTail::kKept);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->visible, sites.end);
  EXPECT_FALSE(MakeSnapshotManifest(&sites.primary.files(), *whole, Never)->has_visible());
}

TEST(SnapshotTailTest, IsTakenAndNotShownUntilItIsCommitted) {
  Sites sites;
  ReplacementListener listener;
  sites.node->AddObserver(&listener);
  ASSERT_EQ(sites.Take(), absl::OkStatus());
  EXPECT_THAT(listener.shown, ElementsAre(sites.shown));
  EXPECT_EQ(sites.node->appended(), sites.end);
  EXPECT_EQ(sites.node->visible(), sites.shown);
  EXPECT_EQ(sites.node.ReadAll(sites.shown.revision), sites.state);
  EXPECT_EQ(sites.node.Read("k1", sites.end.revision), "!FUTURE_REVISION");
  const auto files = ListSalvageFiles(&sites.node.files(), StoreUnderTest::kDirectory);
  ASSERT_TRUE(files.ok() && files->size() == 1u);
  EXPECT_EQ(VerifySalvageFile(&sites.node.files(), (*files)[0])->header.ancestor, sites.shared);
  sites.node.Reopen();
  EXPECT_EQ(sites.node->visible(), sites.shown);
  EXPECT_EQ(sites.node->appended(), sites.end);
  EXPECT_TRUE(*sites.node->AdvanceVisible(sites.end));
  EXPECT_EQ(sites.node.Read("k1"), "(none)");
  EXPECT_EQ(sites.node.Read("k2"), "unseen");
  EXPECT_EQ(sites.node->state_digest(), sites.primary->state_digest());
}

TEST(SnapshotTailTest, IsCutAgainWhereTheNextPrimaryGoesAnotherWay) {
  Sites sites;
  ASSERT_EQ(sites.Take(), absl::OkStatus());
  const auto salvaged = sites.node->RewindTo(sites.shown, "test");
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  EXPECT_EQ(sites.node->state_digest(), sites.digest);
  EXPECT_EQ(sites.node.ReadAll(sites.shown.revision), sites.state);
  sites.node.Show(sites.node.Append(EpochDraft("node-1"), 3));
  const Position next = sites.node.Commit({Put("k1", "again")});
  sites.node.MaintainFully();
  sites.node.Reopen();
  EXPECT_EQ(sites.node->visible(), next);
  EXPECT_EQ(sites.node.Read("k1"), "again");
}

TEST(SnapshotTailTest, OfACompactedLogGoesBackToWhatIsVisibleToo) {
  Sites sites;
  StoreUnderTest& primary = sites.primary;
  ASSERT_TRUE(primary->AdvanceVisible(sites.end).ok());
  primary.Show(primary.Append(CompactDraft(sites.end.revision)));
  primary.MaintainFully();
  const Position visible = primary.Commit({Put("k2", "seen")});
  const Digest128 digest = primary->state_digest();
  ASSERT_TRUE(primary.Append(CommitDraft({Delete("k2")})).ok());
  ASSERT_EQ(sites.Take(), absl::OkStatus());
  EXPECT_EQ(sites.node->floor(), sites.end.revision);
  EXPECT_EQ(sites.node.Read("k2"), "seen");
  ASSERT_TRUE(sites.node->RewindTo(visible, "test").ok());
  EXPECT_EQ(sites.node->state_digest(), digest);
}

// The primary of a new epoch may know less to be committed than its followers do.
TEST(SnapshotTailTest, WhatWasShownOfTheLogThatBothShareStaysShown) {
  Sites sites;
  ASSERT_TRUE(sites.node->RewindTo(sites.shared, "test").ok());
  Follow(sites.primary, sites.node);
  const Position known = *sites.primary->PositionAt(Revision(2, sites.end.revision.index() - 1)).value();
  ASSERT_TRUE(*sites.node->AdvanceVisible(known));
  ASSERT_TRUE(sites.node->RewindTo(known, "test").ok());
  sites.node.Show(sites.node.Append(EpochDraft("node-1"), 3));
  ASSERT_TRUE(sites.primary.Append(EpochDraft("node-1"), 4).ok());
  ReplacementListener listener;
  sites.node->AddObserver(&listener);
  ASSERT_EQ(sites.Take(), absl::OkStatus());
  EXPECT_THAT(listener.shown, ElementsAre(known));
  sites.node.Reopen();
  EXPECT_EQ(sites.node->visible(), known);
}

TEST(SnapshotTailTest, AFileIsNotShownUpToARecordThatItDoesNotHave) {
  Sites sites;
  const SnapshotFile file = sites.Lend();
  const auto refuses = [&](const Position& visible) {
    const absl::Status status = sites.node->ReplaceWith(kIncoming, file.position, visible, "test");
    return ReasonOf(status) == "DATA_DAMAGED" && sites.node->appended() == sites.branch_end;
  };
  EXPECT_TRUE(refuses(sites.branch_end)) << "of another branch";
  EXPECT_TRUE(refuses(Position())) << "nothing";
  EXPECT_TRUE(refuses({Revision(2, sites.end.revision.index() + 1), sites.end.chain_hash}))
      << "above its end";
  EXPECT_TRUE(refuses({sites.shown.revision, sites.end.chain_hash})) << "another record";
  EXPECT_EQ(sites.node.Read("other"), "1");
}

TEST(SnapshotTailTest, AFileIsNotShownBelowItsFloor) {
  Sites sites;
  ASSERT_TRUE(sites.primary->AdvanceVisible(sites.end).ok());
  sites.primary.Show(sites.primary.Append(CompactDraft(sites.end.revision)));
  sites.primary.MaintainFully();
  const SnapshotFile file = sites.Lend();
  const absl::Status status = sites.node->ReplaceWith(kIncoming, file.position, sites.shown, "test");
  EXPECT_EQ(ReasonOf(status), "DATA_DAMAGED") << status;
  EXPECT_EQ(sites.node->appended(), sites.branch_end);
}

TEST(SnapshotTailTest, APowerCutAtAnyWriteNeverShowsMoreThanIsCommitted) {
  auto chance = SeededRandom(5);
  int replaced_count = 0;
  for (int64_t at = 0;; ++at) {
    SCOPED_TRACE(absl::StrCat("after ", at, " changes"));
    Sites sites;
    const SnapshotFile file = sites.Lend();
    sites.node.disk().PowerOffAfter(at);
    const absl::Status replaced = sites.node->ReplaceWith(kIncoming, file.position, file.visible, "test");
    sites.node.Close();
    sites.node.disk().Crash(at % 2 == 0 ? CrashMode::kLoseUnsynced : CrashMode::kTearUnsynced, *chance);
    const absl::Status opened = sites.node.Open();
    ASSERT_TRUE(opened.ok()) << opened;
    if (sites.node->appended() == sites.branch_end) {
      ASSERT_FALSE(replaced.ok());
      continue;
    }
    ++replaced_count;
    ASSERT_EQ(sites.node->appended(), sites.end);
    EXPECT_EQ(sites.node->visible(), sites.shown);
    EXPECT_EQ(sites.node.ReadAll(sites.shown.revision), sites.state);
    if (replaced.ok()) break;
  }
  EXPECT_GT(replaced_count, 2);
}

TEST(SnapshotTailTest, AFullDiskInTheMiddleOfTheSwapChangesNothingOfWhatIsShownInTheEnd) {
  Sites sites;
  ReplacementListener listener;
  sites.node->AddObserver(&listener);
  DiskFault full;
  full.operations = {DiskOperation::kRename};
  full.path_suffix = "/incoming.db";
  full.fail_count = DiskFault::kForever;
  full.error = DiskResult::kNoSpace;
  sites.node.disk().AddFault(full);
  EXPECT_FALSE(sites.Take().ok());
  ASSERT_TRUE(sites.node->is_replacing());
  EXPECT_EQ(sites.node.Read("other"), "1") << "readers keep the old file";
  sites.node.disk().ClearFaults();
  ASSERT_TRUE(sites.node->FinishReplacing().ok());
  EXPECT_THAT(listener.shown, ElementsAre(sites.shown));
  EXPECT_EQ(sites.node->visible(), sites.shown);
  EXPECT_EQ(sites.node->appended(), sites.end);
}

}  // namespace
}  // namespace holdfast::storage
