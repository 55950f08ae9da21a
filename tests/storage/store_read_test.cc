#include "storage/sqlite_database.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

class StoreReadTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }

  // Keys of a range, as "a=1 b=2", in one scan.
  std::string Scan(absl::string_view key, absl::string_view range_end, Revision at, int max_scanned = 100,
                   std::optional<std::string>* next = nullptr) {
    std::string found;
    auto lease = store_->readers().Acquire();
    EXPECT_TRUE(lease.ok()) << lease.status();
    auto scanned = (*lease)->Scan(key, range_end, at, max_scanned, false, [&](const KeyVersion& row) {
      absl::StrAppend(&found, found.empty() ? "" : " ", row.key, "=", row.value);
      return true;
    });
    if (!scanned.ok()) return "!" + ReasonOf(scanned.status());
    if (next != nullptr) *next = *scanned;
    return found;
  }

  // Changes the closed file behind the store's back.
  void Tamper(absl::string_view sql) {
    store_.Close();
    {
      SqliteOptions options;
      options.vfs = store_.files().sqlite_vfs();
      auto database = SqliteDatabase::OpenWriter("/d/data.db", options);
      ASSERT_TRUE(database.ok()) << database.status();
      const absl::Status done = (*database)->Execute(sql);
      ASSERT_TRUE(done.ok()) << done;
    }
    const absl::Status opened = store_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
    store_->SetDamageHandler([this](const absl::Status& status) { damage_.push_back(status); });
  }

  StoreUnderTest store_;
  std::vector<absl::Status> damage_;
};

TEST_F(StoreReadTest, CreateRevisionAndVersionBeginAnewAfterADeletion) {
  store_.Commit({Put("a", "1")});
  store_.Commit({Put("a", "2")});
  store_.Commit({Delete("a")});
  store_.Commit({Put("a", "4")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  const auto now = (*lease)->Get("a", Revision(4));
  ASSERT_TRUE(now.ok() && now->has_value());
  EXPECT_EQ((*now)->create_revision, 4);
  EXPECT_EQ((*now)->version, 1);
  EXPECT_FALSE((*lease)->Get("a", Revision(3))->has_value());
  const auto before = (*lease)->Get("a", Revision(2));
  ASSERT_TRUE(before.ok() && before->has_value());
  EXPECT_EQ((*before)->create_revision, 1);
  EXPECT_EQ((*before)->version, 2);
}

TEST_F(StoreReadTest, DeletingAnAbsentKeyHasNoEffectOnAnyKey) {
  store_.Commit({Put("a", "1")});
  const Digest128 digest = store_->state_digest();
  auto record = store_.Append(CommitDraft({Delete("b")}));
  ASSERT_TRUE(record.ok());
  EXPECT_EQ((*record)->effects[0].previous_revision, 0);
  EXPECT_EQ(store_->state_digest(), digest);
  EXPECT_EQ(store_->key_count(), 1);
}

TEST_F(StoreReadTest, RangesAreHalfOpenAndKnowTheirSpecialEnds) {
  store_.Commit({Put("a", "1"), Put(absl::string_view("a\0x", 3), "2"), Put("b", "3"), Put("c", "4")});
  const Revision at(1);
  EXPECT_EQ(Scan("a", "", at), "a=1");
  EXPECT_EQ(Scan("b", "c", at), "b=3");
  EXPECT_EQ(Scan("b", absl::string_view("\0", 1), at), "b=3 c=4");
  EXPECT_EQ(Scan(absl::string_view("\0", 1), absl::string_view("\0", 1), at),
            absl::StrCat("a=1 ", absl::string_view("a\0x", 3), "=2 b=3 c=4"));
  EXPECT_EQ(Scan("c", "b", at), "");
  EXPECT_EQ(Scan("x", "", at), "");
}

TEST_F(StoreReadTest, AScanShowsTheRangeAsItWas) {
  store_.Commit({Put("a", "1"), Put("b", "1")});
  store_.Commit({Delete("a"), Put("c", "2")});
  store_.Commit({Put("a", "3"), Delete("b")});
  EXPECT_EQ(Scan("a", "z", Revision(1)), "a=1 b=1");
  EXPECT_EQ(Scan("a", "z", Revision(2)), "b=1 c=2");
  EXPECT_EQ(Scan("a", "z", Revision(3)), "a=3 c=2");
}

TEST_F(StoreReadTest, ABoundedScanSaysWhereToGoOnAndMakesProgressOverDeadRows) {
  store_.Commit({Put("a", "1"), Put("b", "1"), Put("c", "1"), Put("d", "1")});
  store_.Commit({Delete("a"), Delete("b"), Delete("c")});
  std::optional<std::string> next;
  EXPECT_EQ(Scan("a", "z", Revision(2), 2, &next), "");
  ASSERT_EQ(next, "c");
  EXPECT_EQ(Scan(*next, "z", Revision(2), 2, &next), "d=1");
  EXPECT_EQ(next, std::nullopt);
}

TEST_F(StoreReadTest, ACallbackThatSaysStopHasTakenItsRow) {
  store_.Commit({Put("a", "1"), Put("b", "1")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  int rows = 0;
  auto next = (*lease)->Scan("a", "z", Revision(1), 100, true, [&](const KeyVersion& row) {
    ++rows;
    EXPECT_EQ(row.value, "");
    return false;
  });
  ASSERT_TRUE(next.ok() && next->has_value());
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(**next, std::string("a\0", 2));
}

TEST_F(StoreReadTest, ALeaseThatIsHeldSeesWhatBecameVisibleMeanwhile) {
  store_.Commit({Put("a", "1")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*(*lease)->Get("a", Revision(1)))->value, "1");
  store_.Commit({Put("a", "2")});
  EXPECT_EQ((*(*lease)->Get("a", Revision(2)))->value, "2");
  EXPECT_EQ((*(*lease)->Get("a", Revision(1)))->value, "1");
}

TEST_F(StoreReadTest, WhoNeverWaitsGetsNothingWhileAllReadersAreBusy) {
  std::vector<std::unique_ptr<ReadLease>> leases;
  for (int i = 0; i < store_->options().reader_count; ++i) {
    auto lease = store_->readers().TryAcquire();
    ASSERT_TRUE(lease.ok());
    ASSERT_NE(*lease, nullptr);
    leases.push_back(*std::move(lease));
  }
  auto none = store_->readers().TryAcquire();
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, nullptr);
  leases.pop_back();
  EXPECT_NE(*store_->readers().TryAcquire(), nullptr);
}

TEST_F(StoreReadTest, ADamagedValueIsAnErrorWithItsKeyAndOtherKeysAreRead) {
  store_.Commit({Put("a", "1"), Put("b", "2")});
  Tamper("UPDATE current SET value = x'00' WHERE key = x'61'");
  EXPECT_EQ(store_.Read("a"), "!DATA_DAMAGED");
  EXPECT_EQ(store_.Read("b"), "2");
  ASSERT_EQ(damage_.size(), 1u);
  EXPECT_EQ(DetailOf(damage_[0], "key"), "a");
  EXPECT_EQ(Scan("a", "z", Revision(1)), "!DATA_DAMAGED");
}

TEST_F(StoreReadTest, ADamagedRevisionOrLinkOrOlderVersionIsAnError) {
  for (const absl::string_view sql : {"UPDATE current SET mod_revision = 1", "UPDATE current SET undo_id = 0",
                                      "UPDATE current SET undo_id = 7", "UPDATE undo SET value = x'00'",
                                      "UPDATE undo SET superseded_revision = 1", "DELETE FROM undo",
                                      "UPDATE undo SET previous_undo_id = 1"}) {
    store_.Close();
    for (const char* file : {"/d/data.db", "/d/data.db-wal", "/d/node.db", "/d/node.db-wal"}) {
      ASSERT_TRUE(store_.files().Remove(file).ok());
    }
    ASSERT_TRUE(store_.Open().ok());
    store_.Commit({Put("a", "1")});
    store_.Commit({Put("a", "2")});
    Tamper(sql);
    EXPECT_EQ(store_.Read("a", Revision(1)), "!DATA_DAMAGED") << sql;
  }
}

TEST_F(StoreReadTest, ADamagedRecordIsAnErrorAndIsNeverSent) {
  for (int i = 0; i < 4; ++i) store_.Commit({Put("a", absl::StrCat(i))});
  Tamper("UPDATE log SET record = record || x'00' WHERE idx = 2");
  EXPECT_EQ(ReasonOf(store_->log().ReadAt(Revision(2)).status()), "DATA_DAMAGED");
  EXPECT_EQ(ReasonOf(store_->log().ReadAfter(Revision(1), Revision(4), 9, 1 << 20).status()), "DATA_DAMAGED");
  EXPECT_TRUE(store_->log().ReadAfter(Revision(2), Revision(4), 9, 1 << 20).ok());
  EXPECT_EQ(damage_.size(), 2u);
}

}  // namespace
}  // namespace holdfast::storage
