#include "storage/node_store.h"

#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

class NodeStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }
  NodeStore& node() { return store_->node(); }
  void PowerCut() {
    store_.Close();
    store_.disk().Crash(CrashMode::kLoseUnsynced, *SeededRandom(1));
    const absl::Status opened = store_.Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }
  static v1::EpochPromise Promise(uint64_t epoch, absl::string_view node_id) {
    v1::EpochPromise promise;
    promise.set_epoch(epoch);
    promise.set_candidate_node_id(std::string(node_id));
    return promise;
  }
  StoreUnderTest store_;
};

TEST_F(NodeStoreTest, TheNodeIdIsSetOnceAndForAll) {
  ASSERT_TRUE(node().SetNodeId("node-1").ok());
  EXPECT_TRUE(node().SetNodeId("node-1").ok());
  EXPECT_EQ(ReasonOf(node().SetNodeId("node-2")), "CONFLICTING_SETTINGS");
  PowerCut();
  EXPECT_EQ(node().identity().node_id, "node-1");
}

TEST_F(NodeStoreTest, AClusterIsJoinedOnceAndAnotherIsRefused) {
  EXPECT_EQ(node().identity().cluster_id, "");
  ASSERT_TRUE(node().JoinCluster("c1").ok());
  EXPECT_TRUE(node().JoinCluster("c1").ok());
  const absl::Status refused = node().JoinCluster("c2");
  EXPECT_EQ(ReasonOf(refused), "WRONG_CLUSTER");
  EXPECT_EQ(DetailOf(refused, "expected"), "c1");
  PowerCut();
  EXPECT_EQ(node().identity().cluster_id, "c1");
}

TEST_F(NodeStoreTest, APromiseIsDurableWhenItReturns) {
  ASSERT_TRUE(node().StorePromise(Promise(3, "node-2")).ok());
  PowerCut();
  EXPECT_EQ(node().promise().epoch(), 3u);
  EXPECT_EQ(node().promise().candidate_node_id(), "node-2");
  EXPECT_TRUE(node().StorePromise(Promise(3, "node-2")).ok());
  EXPECT_TRUE(node().StorePromise(Promise(4, "node-3")).ok());
}

// Nobody knows what of node.db is durable then: whoever asked, the store must not go on (DESIGN 7).
TEST_F(NodeStoreTest, AFailedSyncOfAPromiseEndsTheStore) {
  store_.disk().AddFault({.operations = {DiskOperation::kSync}, .path_suffix = "node.db-wal"});
  EXPECT_FALSE(node().StorePromise(Promise(3, "node-2")).ok());
  EXPECT_EQ(ReasonOf(store_->BeginBatch().status()), "IO_ERROR");
  PowerCut();
  EXPECT_EQ(node().promise().epoch(), 0u);
  EXPECT_TRUE(store_->BeginBatch().ok());
}

TEST_F(NodeStoreTest, ALowerPromiseOrAnotherCandidateIsOurOwnMistake) {
  ASSERT_TRUE(node().StorePromise(Promise(3, "node-2")).ok());
  EXPECT_DEATH((void)node().StorePromise(Promise(2, "node-2")), "R1, R2");
  EXPECT_DEATH((void)node().StorePromise(Promise(3, "node-3")), "R1, R2");
}

TEST_F(NodeStoreTest, ARenewedIncarnationIsAnotherOneAndDurable) {
  const std::string first = node().identity().incarnation;
  EXPECT_EQ(first.size(), 32u);
  ASSERT_TRUE(node().RenewIncarnation("test").ok());
  const std::string second = node().identity().incarnation;
  EXPECT_NE(first, second);
  PowerCut();
  EXPECT_EQ(node().identity().incarnation, second);
}

TEST_F(NodeStoreTest, PositionsSurviveTheProcessAndCostNoSync) {
  const Position end = store_.Commit({Put("a", "1")});
  const int64_t syncs = store_.disk().counters().syncs;
  ASSERT_TRUE(node().NoteAcknowledged(end).ok());
  ASSERT_TRUE(node().NoteVisible(end).ok());
  EXPECT_EQ(store_.disk().counters().syncs, syncs);
  store_.Close();
  store_.disk().Crash(CrashMode::kKillProcess, *SeededRandom(1));
  ASSERT_TRUE(store_.Open().ok());
  EXPECT_EQ(node().acknowledged(), end);
  EXPECT_EQ(node().visible(), end);
}

TEST_F(NodeStoreTest, NamedValuesAreDurableAndForgettable) {
  EXPECT_FALSE(node().GetValue("journal")->has_value());
  ASSERT_TRUE(node().PutValue("journal", std::string("\0\1", 2)).ok());
  PowerCut();
  EXPECT_EQ(**node().GetValue("journal"), std::string("\0\1", 2));
  ASSERT_TRUE(node().PutValue("journal", "new").ok());
  EXPECT_EQ(**node().GetValue("journal"), "new");
  ASSERT_TRUE(node().DeleteValue("journal").ok());
  PowerCut();
  EXPECT_FALSE(node().GetValue("journal")->has_value());
}

TEST_F(NodeStoreTest, ItsWalStaysSmallHoweverManyPositionsAreNoted) {
  store_.Commit({Put("a", "1")});
  for (int i = 0; i < 5000; ++i) {
    Position position = store_->appended();
    position.chain_hash.bytes[0] = static_cast<uint8_t>(i);
    ASSERT_TRUE(node().NoteAcknowledged(position).ok());
    if (i % 100 != 0) continue;
    ASSERT_TRUE(store_->Maintain().ok());
  }
  EXPECT_LT(*store_.files().Size("/d/node.db-wal"), 5 << 20);
}

}  // namespace
}  // namespace holdfast::storage
