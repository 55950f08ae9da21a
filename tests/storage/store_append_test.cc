#include "storage/errors.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

using ::testing::Test;

class StoreAppendTest : public Test {
 protected:
  void SetUp() override {
    const absl::Status opened = store_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }
  StoreUnderTest store_;
};

TEST_F(StoreAppendTest, AnAppendedCommitIsReadBackWithItsRevisionsOnceVisible) {
  store_.Commit({Put("a", "1"), Put("b", "2")});
  store_.Commit({Put("a", "3")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto a = (*lease)->Get("a", Revision(2));
  ASSERT_TRUE(a.ok() && a->has_value()) << a.status();
  EXPECT_EQ((*a)->value, "3");
  EXPECT_EQ((*a)->create_revision, 1);
  EXPECT_EQ((*a)->mod_revision, 2);
  EXPECT_EQ((*a)->version, 2);
  const auto old = (*lease)->Get("a", Revision(1));
  ASSERT_TRUE(old.ok() && old->has_value()) << old.status();
  EXPECT_EQ((*old)->value, "1");
}

TEST_F(StoreAppendTest, WhatIsAppendedIsNotShownBeforeItIsVisible) {
  store_.Commit({Put("a", "1")});
  ASSERT_TRUE(store_.Append(CommitDraft({Put("a", "2"), Put("b", "1")})).ok());
  EXPECT_EQ(store_.Read("a"), "1");
  EXPECT_EQ(store_.Read("b"), "(none)");
  EXPECT_EQ(store_.Read("a", Revision(2)), "!FUTURE_REVISION");
}

TEST_F(StoreAppendTest, ABatchThatIsDroppedHasChangedNothing) {
  store_.Commit({Put("a", "1")});
  const Digest128 before = store_->state_digest();
  {
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok());
    ASSERT_TRUE((*batch)->Append(0, "node-1", CommitDraft({Put("a", "2")})).ok());
    const auto inside = (*batch)->Get("a");
    ASSERT_TRUE(inside.ok() && inside->has_value());
    EXPECT_EQ((*inside)->value(), "2");
  }
  EXPECT_EQ(store_->appended().revision, Revision(1));
  EXPECT_EQ(store_->state_digest(), before);
  EXPECT_EQ(store_.Commit({Put("a", "3")}).revision, Revision(2));
  EXPECT_EQ(store_.Read("a"), "3");
}

TEST_F(StoreAppendTest, ManyRecordsInOneBatchAreDurableWithOneSync) {
  store_.Commit({Put("a", "1")});
  const int64_t syncs = store_.disk().counters().syncs;
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE((*batch)->Append(0, "node-1", CommitDraft({Put(absl::StrCat("k", i), "v")})).ok());
  }
  ASSERT_TRUE((*batch)->Commit().ok());
  EXPECT_EQ(store_.disk().counters().syncs, syncs + 1);
  EXPECT_EQ(store_->appended().revision, Revision(65));
  EXPECT_EQ(store_->key_count(), 65);
}

TEST_F(StoreAppendTest, AFollowerThatAppendsTheSameBytesHasTheSameChainAndDigest) {
  StoreUnderTest follower;
  ASSERT_TRUE(follower.Open().ok());
  std::vector<LogRecordPtr> records;
  for (const auto& changes : std::vector<std::vector<v1::Change>>{
           {Put("a", "1"), Put("b", "2")}, {Delete("a")}, {Delete("a")}, {Put("a", "4"), Put("b", "5")}}) {
    auto record = store_.Append(CommitDraft(changes));
    ASSERT_TRUE(record.ok()) << record.status();
    records.push_back(*record);
  }
  auto batch = follower->BeginBatch();
  ASSERT_TRUE(batch.ok());
  for (const LogRecordPtr& record : records) {
    auto copy = (*batch)->AppendEncoded(record->previous, record->bytes);
    ASSERT_TRUE(copy.ok()) << copy.status();
    ASSERT_EQ((*copy)->effects.size(), record->effects.size());
    EXPECT_EQ((*copy)->effects[0].version, record->effects[0].version);
  }
  ASSERT_TRUE((*batch)->Commit().ok());
  EXPECT_EQ(follower->appended(), store_->appended());
  EXPECT_EQ(follower->state_digest(), store_->state_digest());
  EXPECT_EQ(follower->key_count(), 2);
}

TEST_F(StoreAppendTest, BytesThatDoNotFollowAreRefusedAndTheRestOfTheBatchIsKept) {
  StoreUnderTest other;
  ASSERT_TRUE(other.Open().ok());
  auto first = other.Append(CommitDraft({Put("a", "1")}));
  auto second = other.Append(CommitDraft({Put("a", "2")}));
  ASSERT_TRUE(first.ok() && second.ok());
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  ASSERT_TRUE((*batch)->AppendEncoded((*first)->previous, (*first)->bytes).ok());
  EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*first)->previous, (*second)->bytes).status()), "CHAIN_BROKEN");
  EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*first)->position.chain_hash, "rubbish").status()),
            "CHAIN_BROKEN");
  EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*first)->position.chain_hash, (*first)->bytes).status()),
            "CHAIN_BROKEN");
  ASSERT_TRUE((*batch)->Commit().ok());
  EXPECT_EQ(store_->appended(), (*first)->position);
}

TEST_F(StoreAppendTest, ARecordWhoseDigestDoesNotComeOutIsDivergedAndLeavesNothing) {
  auto real = store_.Append(CommitDraft({Put("a", "1")}));
  ASSERT_TRUE(real.ok());
  v1::Record forged = (*real)->message;
  forged.mutable_changes(0)->set_value("2");
  StoreUnderTest follower;
  ASSERT_TRUE(follower.Open().ok());
  {
    auto batch = follower->BeginBatch();
    ASSERT_TRUE(batch.ok());
    EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*real)->previous, forged.SerializeAsString()).status()),
              "DIVERGED");
    EXPECT_EQ(ReasonOf((*batch)->Commit()), "DIVERGED");
  }
  EXPECT_TRUE(follower->appended().revision.is_zero());
  EXPECT_EQ(follower->key_count(), 0);
}

TEST_F(StoreAppendTest, AnUnknownKindOrFormatStopsTheNode) {
  auto real = store_.Append(CommitDraft({Put("a", "1")}));
  ASSERT_TRUE(real.ok());
  StoreUnderTest follower;
  ASSERT_TRUE(follower.Open().ok());
  auto batch = follower->BeginBatch();
  ASSERT_TRUE(batch.ok());
  v1::Record newer = (*real)->message;
  newer.set_format_version(2);
  EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*real)->previous, newer.SerializeAsString()).status()),
            "UNKNOWN_RECORD");
  newer = (*real)->message;
  newer.set_kind(static_cast<v1::RecordKind>(9));
  EXPECT_EQ(ReasonOf((*batch)->AppendEncoded((*real)->previous, newer.SerializeAsString()).status()),
            "UNKNOWN_RECORD");
}

TEST_F(StoreAppendTest, EpochsBeginWithTheirRecordAndBecomeMilestones) {
  store_.Show(store_.Append(EpochDraft("node-1")));
  store_.Commit({Put("a", "1")});
  store_.Show(store_.Append(EpochDraft("node-2"), 3));
  store_.Commit({Put("a", "2")});
  const std::vector<Milestone> milestones = store_->milestones();
  ASSERT_EQ(milestones.size(), 2u);
  EXPECT_EQ(milestones[1].position.revision, Revision(3, 3));
  EXPECT_EQ(milestones[1].epoch->node_id(), "node-2");
  EXPECT_EQ(store_->appended().revision, Revision(3, 4));
}

TEST_F(StoreAppendTest, ARequestIdLeadsToItsRecord) {
  store_.Commit({Put("a", "1")}, "request-1-123456");
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  ASSERT_TRUE((*batch)->Append(0, "node-1", CommitDraft({Put("a", "2")}, "request-2-123456")).ok());
  const auto first = (*batch)->FindRequest("request-1-123456");
  ASSERT_TRUE(first.ok() && first->has_value()) << first.status();
  EXPECT_EQ((*first)->revision, Revision(1));
  EXPECT_EQ((*first)->digest, Hash128("request-1-123456"));
  const auto pending = (*batch)->FindRequest("request-2-123456");
  ASSERT_TRUE(pending.ok() && pending->has_value());
  EXPECT_EQ((*pending)->revision, Revision(2));
  const auto unknown = (*batch)->FindRequest("request-3-123456");
  ASSERT_TRUE(unknown.ok());
  EXPECT_FALSE(unknown->has_value());
}

TEST_F(StoreAppendTest, WallTimeNeverDecreasesAlongTheLog) {
  store_.clock().Advance(absl::Seconds(10));
  auto first = store_.Append(CommitDraft({Put("a", "1")}));
  store_.clock().Advance(-absl::Seconds(5));
  auto second = store_.Append(CommitDraft({Put("a", "2")}));
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ((*first)->message.wall_time_us(), (*second)->message.wall_time_us());
}

TEST_F(StoreAppendTest, EverythingIsThereAfterReopening) {
  store_.Show(store_.Append(EpochDraft("node-1")));
  store_.Commit({Put("a", "1"), Put("b", "1")}, "request-1-123456");
  store_.Commit({Delete("b")});
  const Position visible = store_->visible();
  ASSERT_TRUE(store_.Append(CommitDraft({Put("a", "2")})).ok());
  const Position appended = store_->appended();
  const Digest128 digest = store_->state_digest();
  store_.Reopen();
  EXPECT_EQ(store_->appended(), appended);
  EXPECT_EQ(store_->visible(), visible);
  EXPECT_EQ(store_->state_digest(), digest);
  EXPECT_EQ(store_->key_count(), 1);
  EXPECT_EQ(store_->milestones().size(), 1u);
  EXPECT_EQ(store_.Read("a"), "1");
  EXPECT_EQ(store_.Read("b"), "(none)");
  EXPECT_EQ(store_.Read("b", Revision(2)), "1");
}

TEST_F(StoreAppendTest, TheLogReadsBackFromMemoryAndFromTheFile) {
  for (int i = 0; i < 10; ++i) store_.Commit({Put("a", absl::StrCat(i))});
  for (const bool from_file : {false, true}) {
    if (from_file) store_.Reopen();
    const auto records = store_->log().ReadAfter(Revision(3), Revision(8), 100, 1 << 20);
    ASSERT_TRUE(records.ok()) << records.status();
    ASSERT_EQ(records->size(), 5u);
    EXPECT_EQ((*records)[0]->position.revision, Revision(4));
    EXPECT_EQ((*records)[0]->effects[0].previous_revision, 3);
    EXPECT_EQ((*records)[0]->effects[0].version, 4);
    for (size_t i = 1; i < records->size(); ++i) {
      EXPECT_EQ((*records)[i]->previous, (*records)[i - 1]->position.chain_hash);
    }
    EXPECT_EQ(store_->log().ReadAfter(Revision(), Revision(10), 3, 1 << 20)->size(), 3u);
    EXPECT_EQ(store_->log().ReadAfter(Revision(), Revision(10), 100, 1)->size(), 1u);
    EXPECT_TRUE(store_->log().ReadAfter(Revision(10), Revision(99), 100, 1)->empty());
    EXPECT_EQ(ReasonOf(store_->log().ReadAt(Revision(11)).status()), "FUTURE_REVISION");
    EXPECT_EQ(store_->log().oldest(), Revision(1));
  }
}

}  // namespace
}  // namespace holdfast::storage
