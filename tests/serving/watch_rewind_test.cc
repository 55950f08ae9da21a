#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "storage/sqlite_backup.h"
#include "storage/sqlite_transaction.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchRewindTest : public ServingFixture {
 protected:
  WatchRewindTest() { MakeHub(); }

  void RewindTo(const Position& ancestor) {
    const auto salvaged = store_->RewindTo(ancestor, "for the test");
    ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  }
  void BeginEpoch(uint64_t epoch) { store_.Show(store_.Append(storage::EpochDraft("node-2"), epoch)); }

  static std::vector<std::string> Restored(const v1::WatchResponse& message) {
    std::vector<std::string> restored;
    for (const v1::KeyValue& kv : message.rewound().restored()) {
      restored.push_back(kv.mod_revision() == 0
                             ? kv.key() + " gone"
                             : absl::StrCat(kv.key(), "=", kv.value(), "@", kv.mod_revision()));
    }
    return restored;
  }
  static int RewoundCount(const Watch& watch) {
    return static_cast<int>(
        std::count_if(watch->messages.begin(), watch->messages.end(),
                      [](const v1::WatchResponse& message) { return message.has_rewound(); }));
  }

  // The file of another node with the same data takes the place of this one's.
  void ReplaceWith(storage::StoreUnderTest& source) {
    constexpr char kCopy[] = "/d/copy.db";
    {
      storage::SqliteOptions options;
      options.vfs = source.files().sqlite_vfs();
      auto reader = storage::SqliteDatabase::OpenReader("/d/data.db", options);
      ASSERT_TRUE(reader.ok()) << reader.status();
      auto pinned = storage::SqliteReadTransaction::Begin(**reader);
      ASSERT_TRUE(pinned.ok()) << pinned.status();
      auto backup = storage::SqliteBackup::Start(**reader, kCopy);
      ASSERT_TRUE(backup.ok()) << backup.status();
      ASSERT_TRUE(*(*backup)->Step(1'000'000));
      ASSERT_TRUE((*backup)->Finish().ok());
    }
    const auto bytes = source.files().ReadFile(kCopy, int64_t{1} << 30);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    ASSERT_TRUE(store_.files().WriteNewFile("/d/incoming.db", *bytes).ok());
    const absl::Status replaced =
        store_->ReplaceWith("/d/incoming.db", source->appended(), source->visible(), "snapshot");
    ASSERT_TRUE(replaced.ok()) << replaced;
  }
  // Another node's log, with one commit, of which this node has all.
  void BeginAlike(storage::StoreUnderTest& source, std::vector<v1::Change> changes) {
    ASSERT_TRUE(source.Open().ok());
    source.Show(source.Append(storage::EpochDraft("node-1")));
    source.Commit(std::move(changes));
    ASSERT_TRUE(store_->RewindTo(Position{}, "to begin as the other").ok());
    CopyLog(source.store(), store_.store());
    Settle();
  }
  static void CopyLog(storage::Store& from, storage::Store& to) {
    AppendLog(from, to);
    ASSERT_TRUE(to.AdvanceVisible(to.appended()).ok());
  }
  // Durable, but not shown.
  static void AppendLog(storage::Store& from, storage::Store& to) {
    const auto records =
        from.log().ReadAfter(to.appended().revision, from.appended().revision, 1000, 1 << 30);
    ASSERT_TRUE(records.ok()) << records.status();
    auto batch = to.BeginBatch();
    for (const storage::LogRecordPtr& record : *records)
      ASSERT_TRUE((*batch)->AppendEncoded(record->previous, record->bytes).ok());
    ASSERT_TRUE((*batch)->Commit().ok());
  }
};

TEST_F(WatchRewindTest, WhoSawWhatWasLostIsToldOnceWithTheRestoredState) {
  const Position ancestor = Commit({Put("a/1", "1"), Put("a/2", "1"), Put("b/1", "1")});
  const Watch watch = Open(Prefix("a/"));
  Commit({Put("a/1", "2"), Delete("a/2"), Put("a/3", "new"), Put("b/1", "2")});
  Settle();
  ASSERT_EQ(watch->Events().size(), 3u);
  RewindTo(ancestor);
  Settle();
  ASSERT_EQ(RewoundCount(watch), 1);
  const v1::WatchResponse& message = watch->messages.back();
  EXPECT_EQ(message.rewound().common_revision(), 2);
  EXPECT_EQ(message.revision(), 2);
  EXPECT_THAT(Restored(message), ElementsAre("a/1=1@2", "a/2=1@2", "a/3 gone"));
  BeginEpoch(1);
  Commit({Put("a/1", "3")});
  Settle();
  EXPECT_EQ(watch->Events().back(), "1.4 a/1=3");
  EXPECT_EQ(RewoundCount(watch), 1);
}

TEST_F(WatchRewindTest, WhoSawNothingOfItHearsNothing) {
  const Position ancestor = Commit({Put("a/1", "1")});
  const Watch stalled = Open(Prefix("a/"));
  stalled->open = false;
  Commit({Put("a/1", "lost")});
  Settle();
  RewindTo(ancestor);
  BeginEpoch(1);
  Commit({Put("a/1", "2")});
  Settle();
  OpenDoor(stalled);
  EXPECT_EQ(RewoundCount(stalled), 0);
  EXPECT_THAT(stalled->Events(), ElementsAre("1.4 a/1=2"));
}

TEST_F(WatchRewindTest, WhoSawItElsewhereIsToldAsSoonAsThisNodeHadIt) {
  const Position ancestor = Commit({Put("a/1", "1")});
  const Watch watch = Open(Prefix("a/", Revision(4)));  // has seen up to 3 elsewhere; this node shows 2
  Commit({Put("a/1", "lost")});
  Settle();
  ASSERT_THAT(watch->Events(), IsEmpty());
  RewindTo(ancestor);
  BeginEpoch(1);
  Settle();
  ASSERT_EQ(RewoundCount(watch), 1);
  EXPECT_EQ(watch->messages.back().rewound().common_revision(), 2);
  EXPECT_THAT(Restored(watch->messages.back()), ElementsAre("a/1=1@2"));
}

TEST_F(WatchRewindTest, WhoWasToldThatItHasAllOfItIsToldToo) {
  const Watch watch = Open(Prefix("a/"));
  watch->open = false;
  const Position ancestor = Commit({Put("a/1", "1")});
  Commit({Put("b/1", "lost")});
  Settle();
  OpenDoor(watch);
  ASSERT_EQ(watch->messages.back().revision(), 3);  // the message of a/1 at 2
  RewindTo(ancestor);
  Settle();
  ASSERT_EQ(RewoundCount(watch), 1);
  EXPECT_EQ(watch->messages.back().rewound().common_revision(), 2);
  EXPECT_THAT(Restored(watch->messages.back()), IsEmpty());
}

TEST_F(WatchRewindTest, WhatWasNeverVisibleIsTakenBackSilently) {
  Commit({Put("a/1", "1")});
  const Watch watch = Open(Prefix("a/"));
  const Position ancestor = store_->appended();
  ASSERT_TRUE(store_.Append(storage::CommitDraft({Put("a/1", "unseen")})).ok());
  RewindTo(ancestor);
  BeginEpoch(1);
  Settle();
  EXPECT_EQ(RewoundCount(watch), 0);
  EXPECT_THAT(watch->Events(), IsEmpty());
}

TEST_F(WatchRewindTest, AStalledWatchIsToldBothRewindsAsOne) {
  const Position first = Commit({Put("a/1", "1"), Put("a/2", "1")});
  const Position second = Commit({Put("a/1", "2")});
  const Watch watch = Open(Prefix("a/", Revision(2)));
  Commit({Put("a/2", "3")});
  Settle();
  watch->open = false;
  RewindTo(second);
  Settle();
  RewindTo(first);
  Settle();
  OpenDoor(watch);
  ASSERT_EQ(RewoundCount(watch), 1);
  EXPECT_EQ(watch->messages.back().rewound().common_revision(), 2);
  EXPECT_THAT(Restored(watch->messages.back()), ElementsAre("a/1=1@2", "a/2=1@2"));
}

TEST_F(WatchRewindTest, AMessageThatWaitedWithLostChangesIsNotSent) {
  const Position ancestor = Commit({Put("a/1", "1")});
  v1::WatchRequest request = Prefix("a/");
  request.set_include_previous(true);  // read by workers: the message waits for the sink
  const Watch watch = Open(request);
  watch->open = false;
  Commit({Put("a/1", "lost")});
  Settle();
  RewindTo(ancestor);
  BeginEpoch(1);
  Commit({Put("a/1", "kept")});
  Settle();
  OpenDoor(watch);
  EXPECT_THAT(watch->Events(), ElementsAre("1.4 a/1=kept"));
}

TEST_F(WatchRewindTest, ADemandThatARewindTookBackIsRefused) {
  const Position ancestor = Commit({Put("a/1", "1")});
  const Position lost = Commit({Put("a/1", "lost")});
  Settle();
  v1::WatchRequest request = Prefix("a/");
  request.set_min_revision(lost.revision.number());
  RewindTo(ancestor);  // when the gate has let the request through
  const Watch watch = Open(request);
  EXPECT_THAT(watch->messages, IsEmpty());
  EXPECT_EQ(ReasonOf(watch->status), "STALE");
  BeginEpoch(1);
  Settle();
  const Watch again = Open(request);
  EXPECT_THAT(again->messages, IsEmpty());
  EXPECT_EQ(ReasonOf(again->status), "REWOUND");
  EXPECT_EQ(DetailOf(again->status, "common_revision"), "2");
}

TEST_F(WatchRewindTest, WhatFollowsARewindOfWhichItHasNotHeardIsNotDelivered) {
  storage::StoreUnderTest source;
  BeginAlike(source, {Put("a/1", "1")});
  const Position ancestor = store_->visible();
  const Watch watch = Open(Prefix("a/"));
  BeginEpoch(1);
  Commit({Put("a/1", "lost")});
  RewindTo(ancestor);
  source.Commit({Put("a/1", "kept")});
  AppendLog(source.store(), store_.store());
  Settle();
  EXPECT_THAT(watch->Events(), IsEmpty()) << "it may still come to nothing";
  EXPECT_EQ(RewoundCount(watch), 0);
  ASSERT_TRUE(store_->AdvanceVisible(store_->appended()).ok());
  Pass(absl::Milliseconds(100));
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=kept"));
  EXPECT_EQ(RewoundCount(watch), 0);
}

TEST_F(WatchRewindTest, WhatFollowsIsNotDeliveredThoughAGreaterRevisionIsShown) {
  storage::StoreUnderTest source;
  BeginAlike(source, {Put("a/1", "1")});
  const Position ancestor = store_->visible();
  const Watch watch = Open(Prefix("a/"));
  BeginEpoch(1);
  const Position lost = Commit({Put("a/1", "lost")});
  store_->RemoveObserver(hub_.get());  // it hears late
  RewindTo(ancestor);
  source.Commit({Put("a/1", "kept")});
  source.Show(source.Append(storage::EpochDraft("node-1"), 64));
  CopyLog(source.store(), store_.store());
  Settle();
  EXPECT_THAT(watch->Events(), IsEmpty());
  store_->AddObserver(hub_.get());
  hub_->OnRewound(ancestor, lost, {"a/1"});
  hub_->OnVisible(store_->visible());
  Pass(absl::Milliseconds(100));
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=kept"));
  EXPECT_EQ(RewoundCount(watch), 0);
}

TEST_F(WatchRewindTest, TheBoundOfAReplacedFileIsNotThatOfTheSnapshot) {
  storage::StoreUnderTest source;
  ASSERT_TRUE(source.Open().ok());
  source.Show(source.Append(storage::EpochDraft("node-1")));
  source.Commit({Put("a/1", "1")});
  const Watch before = Open(Prefix("a/"));
  ASSERT_TRUE(before->messages[0].header().has_staleness());
  store_->RemoveObserver(hub_.get());  // it hears late
  ReplaceWith(source);
  const Position snapshot = store_->visible();
  source.Commit({Put("a/1", "2")});
  CopyLog(source.store(), store_.store());
  hub_->OnReplaced(snapshot);
  const Watch after = Open(Prefix("a/"));
  store_->AddObserver(hub_.get());
  ASSERT_EQ(after->messages.size(), 1u);
  EXPECT_EQ(Revision(after->messages[0].header().revision()), snapshot.revision);
  EXPECT_FALSE(after->messages[0].header().has_staleness());
}

TEST_F(WatchRewindTest, ALargeRestorationComesInFragments) {
  std::vector<v1::Change> before, lost;
  for (int i = 0; i < 5; ++i) {
    before.push_back(Put(absl::StrCat("a/", i), std::string(400 << 10, 'b')));
    lost.push_back(Delete(absl::StrCat("a/", i)));
  }
  const Position ancestor = Commit(before);
  const Watch watch = Open(Prefix("a/"));
  Commit(lost);
  Settle();
  RewindTo(ancestor);
  Settle();
  int restored = 0;
  for (const v1::WatchResponse& message : watch->messages) restored += message.rewound().restored_size();
  EXPECT_EQ(restored, 5);
  EXPECT_EQ(RewoundCount(watch), 3);
  EXPECT_FALSE(watch->messages.back().fragment());
  EXPECT_EQ(watch->messages.back().revision(), ancestor.revision.number());
}

TEST_F(WatchRewindTest, WatchesGoOnThroughTheLogOfASnapshot) {
  storage::StoreUnderTest source;
  BeginAlike(source, {Put("a/1", "1")});
  const Watch watch = Open(Prefix("a/"));
  source.Commit({Put("a/1", "2")});
  source.Commit({Put("b/1", "2")});
  source.Commit({Put("a/1", "3")});
  ReplaceWith(source);
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=2", "0.5 a/1=3"));
  source.Commit({Put("a/1", "4")});
  CopyLog(source.store(), store_.store());
  Settle();
  EXPECT_EQ(watch->Events().back(), "0.6 a/1=4");
}

// Both sites were forced on: what this node showed is of another branch than what its primary shows, and
// higher. The file goes on beyond that with what is not committed.
TEST_F(WatchRewindTest, ASnapshotThatShowsLessThanBeforeEndsWhoWasToldOfTheOtherBranchAndNobodyElse) {
  storage::StoreUnderTest source;
  BeginAlike(source, {Put("a/1", "1"), Put("b/1", "1")});
  const Watch told = Open(Prefix("a/"));
  const Watch quiet = Open(Prefix("b/"));
  BeginEpoch(65);
  Commit({Put("a/1", "of the other branch")});
  Settle();
  ASSERT_EQ(told->Events().size(), 1u);
  source.Show(source.Append(storage::EpochDraft("node-1"), 64));
  source.Commit({Put("b/1", "2")});
  ASSERT_TRUE(source.Append(storage::EpochDraft("node-1"), 128).ok());
  ASSERT_TRUE(source.Append(storage::CommitDraft({Put("b/1", "3")})).ok());
  ReplaceWith(source);
  Settle();
  EXPECT_EQ(ReasonOf(told->status), "REWOUND");
  EXPECT_FALSE(quiet->finished) << quiet->status;
  EXPECT_THAT(quiet->Events(), ElementsAre("64.4 b/1=2"));
  ASSERT_TRUE(store_->AdvanceVisible(store_->appended()).ok());
  Settle();
  EXPECT_THAT(quiet->Events(), ElementsAre("64.4 b/1=2", "128.6 b/1=3"));
}

TEST_F(WatchRewindTest, ARepairThatGoesBackWithinTheEpochEndsNobody) {
  storage::StoreUnderTest behind;
  storage::StoreUnderTest whole;
  ASSERT_TRUE(behind.Open().ok());
  ASSERT_TRUE(whole.Open().ok());
  CopyLog(store_.store(), behind.store());
  const Watch watch = Open(Prefix("a/"));
  Commit({Put("a/1", "1")});
  Settle();
  ASSERT_EQ(watch->Events().size(), 1u);
  CopyLog(store_.store(), whole.store());
  ReplaceWith(behind);
  Settle();
  CopyLog(whole.store(), store_.store());
  Commit({Put("a/1", "2")});
  Settle();
  EXPECT_FALSE(watch->finished) << watch->status;
  EXPECT_THAT(watch->Events(), ElementsAre("0.2 a/1=1", "0.3 a/1=2"));
}

TEST_F(WatchRewindTest, ASnapshotThatSkipsWhatAWatchNeedsEndsIt) {
  storage::StoreUnderTest source;
  BeginAlike(source, {Put("a/1", "1")});
  const Watch watch = Open(Prefix("a/"));
  for (int i = 0; i < 5; ++i) source.Commit({Put("a/1", "x")});
  source.Show(source.Append(storage::CompactDraft(Revision(6))));
  source.MaintainFully();
  ReplaceWith(source);
  Settle();
  EXPECT_EQ(ReasonOf(watch->status), "COMPACTED");
}

}  // namespace
}  // namespace holdfast::serving
