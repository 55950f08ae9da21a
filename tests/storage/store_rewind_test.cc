#include "storage/salvage_file.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

class Listener : public StoreObserver {
 public:
  void OnAppended(absl::Span<const LogRecordPtr> records) override {
    appended += static_cast<int>(records.size());
  }
  void OnVisible(const Position& position) override { visible = position; }
  void OnRewound(const Position& to, const Position& before, const std::vector<std::string>& keys) override {
    ancestor = to;
    visible_before = before;
    touched = keys;
  }
  void OnReplaced(const Position& position) override { replaced = position; }

  int appended = 0;
  Position visible, ancestor, visible_before, replaced;
  std::vector<std::string> touched;
};

class StoreRewindTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.Open().ok());
    store_->AddObserver(&listener_);
  }
  StoreUnderTest store_;
  Listener listener_;
};

TEST_F(StoreRewindTest, TheStateIsThatOfTheAncestorAgainAndWhatWasCutIsInASalvageFile) {
  store_.Show(store_.Append(EpochDraft("node-1")));
  store_.Commit({Put("changed", "1"), Put("deleted", "1"), Put("kept", "1")});
  const Position ancestor = store_->appended();
  const Digest128 digest = store_->state_digest();
  store_.Commit({Put("changed", "2"), Delete("deleted"), Put("new", "1")}, "request-1-123456");
  ASSERT_TRUE(store_.Append(CommitDraft({Put("changed", "3"), Put("deleted", "2"), Delete("new")})).ok());
  ASSERT_TRUE(store_.Append(EpochDraft("node-2"), 2).ok());
  const Position lost = store_->appended();
  const Position shown = store_->visible();

  const auto salvaged = store_->RewindTo(ancestor, "for the test");
  ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  EXPECT_EQ(store_->appended(), ancestor);
  EXPECT_EQ(store_->visible(), ancestor);
  EXPECT_EQ(store_->state_digest(), digest);
  EXPECT_EQ(store_->key_count(), 3);
  EXPECT_EQ(store_->milestones().size(), 1u);
  EXPECT_EQ(store_.Read("changed"), "1");
  EXPECT_EQ(store_.Read("deleted"), "1");
  EXPECT_EQ(store_.Read("new"), "(none)");
  EXPECT_EQ(store_.Read("changed", shown.revision), "!FUTURE_REVISION");

  const auto summary = VerifySalvageFile(&store_.files(), *salvaged);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->record_count, 3);
  EXPECT_EQ(summary->visible_count, 1);
  EXPECT_EQ(summary->last, lost);
  EXPECT_EQ(summary->header.ancestor, ancestor);
  EXPECT_EQ(summary->header.reason, "for the test");

  EXPECT_EQ(listener_.ancestor, ancestor);
  EXPECT_EQ(listener_.visible_before, shown);
  EXPECT_EQ(listener_.touched, (std::vector<std::string>{"changed", "deleted", "new"}));
}

TEST_F(StoreRewindTest, RequestIdsOfCutRecordsAreForgottenAndTheLogGoesOnInANewEpoch) {
  store_.Commit({Put("a", "1")}, "request-1-123456");
  const Position ancestor = store_->appended();
  store_.Commit({Put("a", "2")}, "request-2-123456");
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  store_.Show(store_.Append(EpochDraft("node-2"), 5));
  store_.Commit({Put("a", "3")}, "request-3-123456");
  EXPECT_EQ(store_->appended().revision, Revision(5, 3));
  EXPECT_EQ(store_.Read("a"), "3");
  EXPECT_EQ(store_.Read("a", Revision(1)), "1");
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE((*batch)->FindRequest("request-1-123456")->has_value());
  EXPECT_FALSE((*batch)->FindRequest("request-2-123456")->has_value());
  EXPECT_TRUE((*batch)->FindRequest("request-3-123456")->has_value());
}

// A reader that is slow between two calls, as on a busy machine.
TEST_F(StoreRewindTest, AReaderAtARevisionThatIsLostNeverReadsHalfOfItAndHalfOfTheAncestor) {
  store_.Show(store_.Append(EpochDraft("node-1"), 4));
  store_.Commit({Put("left", "1"), Put("right", "1")});
  const Position ancestor = store_->appended();
  const Revision lost = store_.Commit({Put("left", "2"), Put("right", "2")}).revision;
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*(*lease)->Get("left", lost))->value, "2");

  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  EXPECT_EQ(ReasonOf((*lease)->Get("right", lost).status()), "FUTURE_REVISION");
  store_.Show(store_.Append(EpochDraft("node-2"), 5));
  ASSERT_GT(store_->visible().revision, lost);
  const auto right = (*lease)->Get("right", lost);
  EXPECT_EQ(ReasonOf(right.status()), "REWOUND");
  EXPECT_EQ(DetailOf(right.status(), "common_revision"), absl::StrCat(ancestor.revision.number()));
  const auto scanned = (*lease)->Scan("left", "", lost, 10, false, [](const KeyVersion&) { return true; });
  EXPECT_EQ(ReasonOf(scanned.status()), "REWOUND");
  EXPECT_EQ(store_.Read("right", lost), "!REWOUND");
  EXPECT_EQ(store_.Read("right", ancestor.revision), "1");
}

// A switch of files is as good as a rewind, and a record that is cut may be appended again as it was.
TEST_F(StoreRewindTest, ARecordThatComesBackIsReadWholeByALeaseFromBefore) {
  store_.Show(store_.Append(EpochDraft("node-1"), 4));
  const Position ancestor = store_.Commit({Put("left", "1"), Put("right", "1")});
  const auto record = store_.Append(CommitDraft({Put("left", "2"), Put("right", "2")}));
  store_.Show(record);
  const Revision at = (*record)->position.revision;
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*(*lease)->Get("left", at))->value, "2");
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok() && (*batch)->AppendEncoded(ancestor.chain_hash, (*record)->bytes).ok());
  ASSERT_TRUE((*batch)->Commit().ok());
  ASSERT_TRUE(*store_->AdvanceVisible((*record)->position));
  EXPECT_EQ((*(*lease)->Get("right", at))->value, "2");
}

TEST_F(StoreRewindTest, InvisibleRecordsAreUndoneWithoutMovingWhatIsShown) {
  store_.Commit({Put("a", "1")});
  const Position shown = store_->visible();
  ASSERT_TRUE(store_.Append(CommitDraft({Put("a", "2")})).ok());
  ASSERT_TRUE(store_->RewindTo(shown, "test").ok());
  EXPECT_EQ(store_->visible(), shown);
  EXPECT_EQ(listener_.visible_before, shown);
  EXPECT_TRUE(listener_.touched.empty());
}

TEST_F(StoreRewindTest, NothingToCutWritesNoSalvageFile) {
  const Position end = store_.Commit({Put("a", "1")});
  const auto salvaged = store_->RewindTo(end, "test");
  ASSERT_TRUE(salvaged.ok());
  EXPECT_EQ(*salvaged, "");
}

TEST_F(StoreRewindTest, AnAncestorThatTheLogNeverHeldIsRefused) {
  const Position end = store_.Commit({Put("a", "1")});
  store_.Commit({Put("a", "2")});
  Position forged = end;
  forged.chain_hash.bytes[0] ^= 1;
  EXPECT_EQ(ReasonOf(store_->RewindTo(forged, "test").status()), "CHAIN_BROKEN");
  EXPECT_EQ(store_.Read("a"), "2");
}

TEST_F(StoreRewindTest, AnAncestorBelowTheFloorIsRefused) {
  const Position first = store_.Commit({Put("a", "1")});
  const Position second = store_.Commit({Put("a", "2")});
  store_.Commit({Put("a", "3")});
  store_.Show(store_.Append(CompactDraft(second.revision)));
  EXPECT_EQ(ReasonOf(store_->RewindTo(first, "test").status()), "COMPACTED");
  ASSERT_TRUE(store_->RewindTo(second, "test").ok());
  EXPECT_EQ(store_.Read("a"), "2");
}

TEST_F(StoreRewindTest, ToTheBaseOfACompactedLogLeavesAnEmptyLogThatReopens) {
  store_.Commit({Put("a", "1")});
  const Position base = store_.Commit({Put("a", "2")});
  store_.Show(store_.Append(CompactDraft(base.revision)));
  store_.MaintainFully();
  ASSERT_TRUE(store_->RewindTo(base, "test").ok());
  store_.Reopen();
  EXPECT_EQ(store_->appended(), base);
  EXPECT_EQ(store_->visible(), base);
  EXPECT_EQ(store_.Read("a"), "2");
  EXPECT_TRUE(store_->log().ReadAfter(base.revision, Revision(99), 10, 1 << 20)->empty());
  store_.Show(store_.Append(EpochDraft("node-2"), 1));
  EXPECT_EQ(store_->log().ReadAfter(base.revision, Revision(1, 99), 10, 1 << 20)->size(), 1u);
}

TEST_F(StoreRewindTest, ARewoundLogIsNotTakenForOneThatLostItsEnd) {
  const Position ancestor = store_.Commit({Put("a", "1")});
  const Position end = store_.Commit({Put("a", "2")});
  ASSERT_TRUE(store_->node().NoteAcknowledged(end).ok());
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  EXPECT_EQ(store_->node().acknowledged(), ancestor);
  store_.Reopen();
  EXPECT_EQ(store_->appended(), ancestor);
}

TEST_F(StoreRewindTest, WithoutRoomForTheSalvageFileNothingIsCut) {
  const Position ancestor = store_.Commit({Put("a", "1")});
  const Position end = store_.Commit({Put("a", std::string(5000, 'x'))});
  store_.disk().LimitRoom(100);
  EXPECT_EQ(ReasonOf(store_->RewindTo(ancestor, "test").status()), "DISK_FULL");
  store_.disk().LiftLimit();
  EXPECT_EQ(store_->appended(), end);
  EXPECT_EQ(store_->visible(), end);
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  EXPECT_EQ(store_.Read("a"), "1");
}

// Whatever the power cut leaves, the log is the old one or the cut one, and what was cut is in a salvage
// file.
TEST_F(StoreRewindTest, APowerCutAtAnyWriteLeavesTheOldLogOrTheCutOne) {
  auto chance = SeededRandom(3);
  for (int64_t at = 0;; ++at) {
    StoreUnderTest store;
    ASSERT_TRUE(store.Open().ok());
    const Position ancestor = store.Commit({Put("a", "1"), Put("b", "1")});
    store.Commit({Put("a", "2"), Delete("b")});
    const Position end = store.Commit({Put("a", "3"), Put("c", "3")});
    ASSERT_TRUE(store->node().NoteAcknowledged(end).ok());
    store.disk().PowerOffAfter(at);
    const auto salvaged = store->RewindTo(ancestor, "test");
    store.Close();
    store.disk().Crash(at % 2 == 0 ? CrashMode::kLoseUnsynced : CrashMode::kTearUnsynced, *chance);
    const absl::Status opened = store.Open();
    ASSERT_TRUE(opened.ok()) << "after " << at << " changes: " << opened;
    EXPECT_TRUE(!salvaged.ok() || store->appended() == ancestor);
    ASSERT_TRUE(store->appended() == ancestor || store->appended() == end) << at;
    if (store->appended() == ancestor) {
      const auto files = ListSalvageFiles(&store.files(), StoreUnderTest::kDirectory);
      ASSERT_TRUE(files.ok() && files->size() == 1) << at;
      EXPECT_EQ(VerifySalvageFile(&store.files(), (*files)[0])->record_count, 2);
      EXPECT_EQ(store->key_count(), 2);
    }
    if (salvaged.ok()) break;
  }
}

}  // namespace
}  // namespace holdfast::storage
