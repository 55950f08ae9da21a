#include "base/limits.h"
#include "storage/sqlite_database.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

class StoreCompactionTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }

  int64_t Count(absl::string_view what) {
    SqliteOptions options;
    options.vfs = store_.files().sqlite_vfs();
    auto reader = SqliteDatabase::OpenReader("/d/data.db", options);
    EXPECT_TRUE(reader.ok()) << reader.status();
    auto statement = (*reader)->Prepare(absl::StrCat("SELECT count(*) FROM ", what));
    EXPECT_TRUE(statement.ok()) << statement.status();
    SqliteQuery query = statement->Query();
    EXPECT_TRUE(*query.Step());
    return query.Int64(0);
  }

  StoreUnderTest store_;
};

TEST_F(StoreCompactionTest, TheFloorMovesWhenItsRecordIsVisibleAndNotBefore) {
  for (int i = 1; i <= 5; ++i) store_.Commit({Put("a", absl::StrCat(i))});
  auto record = store_.Append(CompactDraft(Revision(3)));
  ASSERT_TRUE(record.ok());
  EXPECT_TRUE(store_->floor().is_zero());
  EXPECT_EQ(store_.Read("a", Revision(1)), "1");
  store_.Show(record);
  EXPECT_EQ(store_->floor(), Revision(3));
  EXPECT_EQ(store_.Read("a", Revision(3)), "3");
  EXPECT_EQ(store_.Read("a", Revision(2)), "!COMPACTED");
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(DetailOf((*lease)->Get("a", Revision(2)).status(), "oldest_revision"), "3");
}

TEST_F(StoreCompactionTest, AFloorThatIsNotVisibleYetIsRememberedOverAReopening) {
  for (int i = 1; i <= 5; ++i) store_.Commit({Put("a", absl::StrCat(i))});
  auto record = store_.Append(CompactDraft(Revision(3)));
  ASSERT_TRUE(record.ok());
  store_.Reopen();
  EXPECT_TRUE(store_->floor().is_zero());
  store_.Show(record);
  EXPECT_EQ(store_->floor(), Revision(3));
  store_.Reopen();
  EXPECT_EQ(store_->floor(), Revision(3));
  EXPECT_EQ(store_.Read("a", Revision(2)), "!COMPACTED");
}

TEST_F(StoreCompactionTest, RowsBelowTheFloorGoInBoundedStepsAndTheStateStays) {
  for (int i = 0; i < 3 * kCompactStepRows; ++i) {
    store_.Commit({Put("a", absl::StrCat(i)), Put(absl::StrCat("b", i), "x")}, absl::StrCat("request-", i));
  }
  for (int i = 0; i < 10; ++i) store_.Commit({Delete(absl::StrCat("b", i))});
  const Revision floor = store_->visible().revision;
  store_.Commit({Put("a", "last"), Delete("b99")});
  const Digest128 digest = store_->state_digest();
  store_.Show(store_.Append(CompactDraft(floor)));
  int steps = 0;
  while (*store_->Maintain()) ++steps;
  EXPECT_GE(steps, 3);
  EXPECT_EQ(store_->state_digest(), digest);
  EXPECT_EQ(Count("undo"), 2) << "only what was superseded above the floor";
  EXPECT_EQ(Count("current WHERE version = 0"), 1);
  EXPECT_EQ(Count("log"), 2);
  EXPECT_EQ(Count("requests"), 0);
  EXPECT_EQ(store_->log().oldest(), Revision(floor.number() + 1));
  EXPECT_EQ(ReasonOf(store_->log().ReadAfter(Revision(5), floor, 9, 999).status()), "COMPACTED");
  EXPECT_EQ(store_->log().ReadAfter(floor, Revision(99'999), 9, 99'999)->size(), 2u);
  EXPECT_EQ(store_.Read("b99", floor), "x");
  EXPECT_EQ(store_.Read("a"), "last");
  store_.Reopen();
  EXPECT_EQ(store_->floor(), floor);
  EXPECT_EQ(store_.Read("b99", floor), "x");
}

// At every moment an id is either found or not above the newest forgotten one: in between, a request could be
// committed twice.
TEST_F(StoreCompactionTest, ARequestIdIsFoundUntilItsRowIsGoneAndForgottenFromThenOn) {
  store_.Commit({Put("a", "1")}, "request-2");  // a client whose clock is ahead
  const Position second = store_.Commit({Put("a", "2")}, "request-1");
  store_.Commit({Put("a", "3")}, "request-3");
  EXPECT_EQ((*store_->BeginBatch())->NewestForgottenRequest(), "");
  store_.Show(store_.Append(CompactDraft(second.revision)));
  {
    auto batch = store_->BeginBatch();
    EXPECT_TRUE((*batch)->FindRequest("request-1")->has_value());
    EXPECT_TRUE((*batch)->FindRequest("request-2")->has_value());
    EXPECT_EQ((*batch)->NewestForgottenRequest(), "");
  }
  store_.MaintainFully();
  for (int opened = 0; opened < 2; ++opened) {
    {
      auto batch = store_->BeginBatch();
      EXPECT_FALSE((*batch)->FindRequest("request-1")->has_value());
      EXPECT_FALSE((*batch)->FindRequest("request-2")->has_value());
      EXPECT_TRUE((*batch)->FindRequest("request-3")->has_value());
      EXPECT_EQ((*batch)->NewestForgottenRequest(), "request-2");
    }
    store_.Reopen();
  }
}

TEST_F(StoreCompactionTest, AKeyThatComesBackAfterItsTombstoneIsGoneIsNew) {
  store_.Commit({Put("a", "1")});
  const Position deleted = store_.Commit({Delete("a")});
  store_.Show(store_.Append(CompactDraft(deleted.revision)));
  store_.MaintainFully();
  EXPECT_EQ(Count("current"), 0);
  store_.Commit({Put("a", "2")});
  EXPECT_EQ(store_.Read("a", deleted.revision), "(none)");
  EXPECT_EQ(store_.Read("a"), "2");
}

TEST_F(StoreCompactionTest, RangesKnowWhatChangedAboveARevisionDeletionsIncluded) {
  store_.Commit({Put("a", "1"), Put("b", "1")});
  store_.Commit({Delete("a")});
  store_.Commit({Put("c", "1"), Delete("x")});  // there is no x
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  const auto changed = [&](absl::string_view key, absl::string_view end, int64_t after) {
    const auto found = (*batch)->RangeChangedAfter(key, end, Revision(after));
    EXPECT_TRUE(found.ok()) << found.status();
    return found.value_or(Revision(-1)).number();
  };
  EXPECT_EQ(changed("a", "b", 1), 2);
  EXPECT_EQ(changed("a", "b", 2), 0);
  EXPECT_EQ(changed("b", "", 0), 1);
  EXPECT_EQ(changed("a", absl::string_view("\0", 1), 2), 3);
  EXPECT_EQ(changed("x", "z", 0), 0);
  ASSERT_TRUE((*batch)->Append(0, "node-1", CommitDraft({Put("y", "1")})).ok());
  EXPECT_EQ(changed("x", "z", 0), 4);
  EXPECT_EQ(changed("x", "z", 4), 0);
}

TEST_F(StoreCompactionTest, OfALongRangeTheLogKnowsTheSame) {
  std::vector<v1::Change> changes;
  for (int i = 0; i < 600; ++i)
    changes.push_back(Put(absl::StrCat("k/", absl::Dec(i, absl::kZeroPad4)), "1"));
  store_.Commit(std::move(changes));
  store_.Commit({Put("k/0599", "2")});
  const Position deleted = store_.Commit({Delete("k/0400")});
  for (int i = 0; i < 700; ++i) store_.Commit({Put("other", "1")});
  for (const bool is_cached : {true, false}) {
    if (!is_cached) store_.Reopen();
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok());
    EXPECT_EQ(*(*batch)->RangeChangedAfter("k/", "k0", Revision(2)), deleted.revision);
    EXPECT_TRUE((*batch)->RangeChangedAfter("k/", "k0", deleted.revision)->is_zero());
    EXPECT_EQ(*(*batch)->RangeChangedAfter("k/", "k/0400", Revision()), Revision(1));
  }
}

TEST_F(StoreCompactionTest, WhatCompactionMayHaveTakenIsNotCalledUnchanged) {
  store_.Commit({Put("a", "1"), Put("b", "1")});
  const Position deleted = store_.Commit({Delete("a")});
  store_.Commit({Put("c", "1")});
  store_.Show(store_.Append(CompactDraft(deleted.revision)));
  store_.MaintainFully();
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(ReasonOf((*batch)->RangeChangedAfter("a", "b", Revision(1)).status()), "COMPACTED");
  EXPECT_TRUE((*batch)->RangeChangedAfter("a", "b", deleted.revision)->is_zero());
  EXPECT_EQ(*(*batch)->RangeChangedAfter("a", "d", Revision(1)), Revision(3));
}

TEST_F(StoreCompactionTest, WhatWasSeenInALostHistoryIsNotCalledUnchanged) {
  const Position ancestor = store_.Commit({Put("a", "1")});
  const Position lost = store_.Commit({Put("a", "2")});
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  store_.Show(store_.Append(EpochDraft("node-2"), 1));
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(ReasonOf((*batch)->RangeChangedAfter("a", "", lost.revision).status()), "REWOUND");
  EXPECT_TRUE((*batch)->RangeChangedAfter("a", "", ancestor.revision)->is_zero());
}

TEST_F(StoreCompactionTest, TheRetentionFloorKeepsWhatIsYoungOrRecentWithinItsSize) {
  for (int i = 0; i < 20; ++i) {
    store_.Commit({Put("a", std::string(1000, 'x'))});
    store_.clock().Advance(absl::Seconds(10));
  }
  v1::RetentionPolicy policy;
  policy.set_records(1000);
  policy.set_age_seconds(1'000'000);
  policy.set_bytes(1 << 30);
  EXPECT_TRUE(store_->RetentionFloor(policy)->is_zero());
  policy.set_records(5);
  EXPECT_TRUE(store_->RetentionFloor(policy)->is_zero()) << "all are young";
  policy.set_age_seconds(55);
  EXPECT_EQ(*store_->RetentionFloor(policy), Revision(15)) << "the last five are both";
  policy.set_records(10);
  EXPECT_EQ(*store_->RetentionFloor(policy), Revision(10));
  policy.set_age_seconds(1'000'000);
  policy.set_bytes(3500);
  const Revision by_size = *store_->RetentionFloor(policy);
  EXPECT_GE(by_size, Revision(16));
  EXPECT_LE(by_size, Revision(18));
  policy.set_bytes(1);
  EXPECT_EQ(*store_->RetentionFloor(policy), store_->visible().revision);
}

}  // namespace
}  // namespace holdfast::storage
