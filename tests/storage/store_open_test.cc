#include "storage/sqlite_database.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

class StoreOpenTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }

  void WithFile(absl::string_view path, const std::function<void(SqliteDatabase&)>& change) {
    SqliteOptions options;
    options.vfs = store_.files().sqlite_vfs();
    auto database = SqliteDatabase::OpenWriter(path, options);
    ASSERT_TRUE(database.ok()) << database.status();
    change(**database);
  }

  StoreUnderTest store_;
};

TEST_F(StoreOpenTest, ASecondStoreOnTheSameDirectoryIsRefused) {
  const auto second = Store::Open(store_.Options());
  EXPECT_EQ(ReasonOf(second.status()), "DATA_DIR_LOCKED");
  store_.Close();
  EXPECT_TRUE(store_.Open().ok());
}

TEST_F(StoreOpenTest, AFileOfANewerSchemaIsRefusedAndLeftAlone) {
  store_.Commit({Put("a", "1")});
  store_.Close();
  for (const char* path : {"/d/data.db", "/d/node.db"}) {
    WithFile(path, [](SqliteDatabase& file) { ASSERT_TRUE(file.SetUserVersion(99).ok()); });
    const absl::Status refused = store_.Open();
    EXPECT_EQ(ReasonOf(refused), "SCHEMA_TOO_NEW") << path << ": " << refused;
    EXPECT_EQ(DetailOf(refused, "found"), "99");
    WithFile(path, [](SqliteDatabase& file) { ASSERT_TRUE(file.SetUserVersion(1).ok()); });
  }
  ASSERT_TRUE(store_.Open().ok());
  EXPECT_EQ(store_.Read("a"), "1");
}

TEST_F(StoreOpenTest, AnotherApplicationsDatabaseIsRefused) {
  store_.Close();
  WithFile("/d/data.db", [](SqliteDatabase& file) { ASSERT_TRUE(file.SetApplicationId(7).ok()); });
  EXPECT_EQ(ReasonOf(store_.Open()), "DATA_DAMAGED");
}

TEST_F(StoreOpenTest, ALogThatHasLostWhatWasAcknowledgedIsRefused) {
  const Position end = store_.Commit({Put("a", "1")});
  store_.Close();
  // What a flipped bit in the newest frames of the WAL comes to.
  const auto before = store_.files().ReadFile("/d/data.db-wal", 1 << 30);
  ASSERT_TRUE(before.ok());
  ASSERT_TRUE(store_.Open().ok());
  Position newest;
  {
    auto record = store_.Append(CommitDraft({Put("a", "2")}));
    ASSERT_TRUE(record.ok());
    newest = (*record)->position;
  }
  ASSERT_TRUE(store_->node().NoteAcknowledged(newest).ok());
  store_.Close();
  ASSERT_TRUE(store_.files().Remove("/d/data.db-wal").ok());
  ASSERT_TRUE(store_.files().WriteNewFile("/d/data.db-wal", *before).ok());
  const absl::Status refused = store_.Open();
  EXPECT_EQ(ReasonOf(refused), "DATA_DAMAGED") << refused;
  EXPECT_NE(refused.message().find("lost its end"), absl::string_view::npos) << refused;
  EXPECT_EQ(end.revision, Revision(1));
}

TEST_F(StoreOpenTest, ALogOfAnotherHistoryIsRefused) {
  store_.Commit({Put("a", "1")});
  StoreUnderTest other;
  ASSERT_TRUE(other.Open().ok());
  other.Commit({Put("a", "other")});
  store_.Close();
  other.Close();
  for (const char* path : {"/d/data.db", "/d/data.db-wal"}) {
    const auto bytes = other.files().ReadFile(path, 1 << 30);
    ASSERT_TRUE(bytes.ok());
    ASSERT_TRUE(store_.files().Remove(path).ok());
    ASSERT_TRUE(store_.files().WriteNewFile(path, *bytes).ok());
  }
  EXPECT_EQ(ReasonOf(store_.Open()), "DATA_DAMAGED");
}

TEST_F(StoreOpenTest, AMissingDataFileIsALogThatHasLostItsEnd) {
  store_.Commit({Put("a", "1")});
  store_.Close();
  ASSERT_TRUE(store_.files().Remove("/d/data.db").ok());
  ASSERT_TRUE(store_.files().Remove("/d/data.db-wal").ok());
  EXPECT_EQ(ReasonOf(store_.Open()), "DATA_DAMAGED");
}

TEST_F(StoreOpenTest, AMissingNodeFileGivesANewIncarnationAndShowsWhatWasVisible) {
  store_.Commit({Put("a", "1")});
  store_.Commit({Put("b", "1")});
  const std::string incarnation = store_->node().identity().incarnation;
  store_.Close();
  ASSERT_TRUE(store_.files().Remove("/d/node.db").ok());
  ASSERT_TRUE(store_.files().Remove("/d/node.db-wal").ok());
  ASSERT_TRUE(store_.Open().ok());
  EXPECT_NE(store_->node().identity().incarnation, incarnation);
  EXPECT_EQ(store_->visible().revision, Revision(1)) << "what the last batch knew to be visible";
}

TEST_F(StoreOpenTest, AdvancingTheVisiblePositionIgnoresOtherChainsAndThePast) {
  const Position first = store_.Commit({Put("a", "1")});
  auto second = store_.Append(CommitDraft({Put("a", "2")}));
  ASSERT_TRUE(second.ok());
  Position forged = (*second)->position;
  forged.chain_hash.bytes[5] ^= 1;
  EXPECT_FALSE(*store_->AdvanceVisible(forged));
  EXPECT_FALSE(*store_->AdvanceVisible(first));
  EXPECT_FALSE(*store_->AdvanceVisible(Position{Revision(9), forged.chain_hash}));
  EXPECT_EQ(store_->visible(), first);
  EXPECT_TRUE(*store_->AdvanceVisible((*second)->position));
}

TEST_F(StoreOpenTest, PositionsAreFoundInMemoryInTheFileAndAmongMilestones) {
  store_.Show(store_.Append(EpochDraft("node-1")));
  const Position second = store_.Commit({Put("a", "1")});
  store_.Show(store_.Append(EpochDraft("node-2"), 4));
  store_.Commit({Put("a", "2")});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(*store_->PositionAt(Revision(2)), second);
    EXPECT_EQ((*store_->PositionAt(Revision(4, 3)))->revision, Revision(4, 3));
    EXPECT_EQ(*store_->PositionAt(Revision(3)), std::nullopt) << "an index that another epoch holds";
    EXPECT_EQ(*store_->PositionAt(Revision(9, 9)), std::nullopt);
    EXPECT_EQ(**store_->PositionAt(Revision()), Position{});
    store_.Reopen();
  }
}

TEST_F(StoreOpenTest, ReadingTheLogFromARevisionOfALostHistoryGoesOnWithTheNextEpoch) {
  store_.Show(store_.Append(EpochDraft("node-1")));
  store_.Commit({Put("a", "1")});
  store_.Show(store_.Append(EpochDraft("node-2"), 4));
  for (int round = 0; round < 2; ++round) {
    for (const Revision after : {Revision(2), Revision(50), Revision(2, 7)}) {
      const auto records = store_->log().ReadAfter(after, Revision(4, 99), 9, 1 << 20);
      ASSERT_TRUE(records.ok()) << records.status();
      ASSERT_EQ(records->size(), 1u) << after.ToString();
      EXPECT_EQ((*records)[0]->position.revision, Revision(4, 3));
    }
    store_.Reopen();
  }
}

}  // namespace
}  // namespace holdfast::storage
