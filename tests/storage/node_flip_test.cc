// The campaign of flipped bits for node.db: what a node has promised, and who it is, is right or the file is
// refused.
#include "storage/errors.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr int kFlips = 400;

TEST(NodeFlipTest, AFlippedBitIsRefusedOrHarmlessAndFoundWhileTheNodeRuns) {
  StoreUnderTest original;
  ASSERT_TRUE(original.Open().ok());
  NodeStore& node = original->node();
  v1::EpochPromise promise;
  promise.set_epoch(7);
  promise.set_candidate_node_id("node-2");
  const std::string journal(5000, 'j');
  ASSERT_TRUE(node.SetNodeId("node-1").ok() && node.JoinCluster("cluster-1").ok());
  ASSERT_TRUE(node.StorePromise(promise).ok() && node.PutValue("journal", journal).ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(node.NoteAcknowledged(original.Commit({Put("a", absl::StrCat(i))})).ok());
  }
  const std::string incarnation = node.identity().incarnation;
  const Position acknowledged = node.acknowledged();
  original.Close();
  std::map<std::string, std::string> image;
  for (const char* const name : {"/d/data.db", "/d/data.db-wal", "/d/node.db", "/d/node.db-wal"}) {
    image[name] = *original.files().ReadFile(name, 1 << 30);
  }

  auto chance = SeededRandom(17);
  int refused = 0, found = 0, harmless = 0;
  for (int flip = 0; flip < kFlips; ++flip) {
    const std::string file = flip % 4 == 0 ? "/d/node.db-wal" : "/d/node.db";
    const uint64_t byte = chance->Below(image[file].size());
    SCOPED_TRACE(absl::StrCat("flip ", flip, ": byte ", byte, " of ", file));
    StoreUnderTest copy;
    for (const auto& [name, bytes] : image) ASSERT_TRUE(copy.files().WriteNewFile(name, bytes).ok());
    copy.disk().FlipBit(file, static_cast<int64_t>(byte), static_cast<int>(chance->Below(8)));
    const absl::Status opened = copy.Open();
    if (!opened.ok()) {
      EXPECT_TRUE(IsDamaged(opened)) << opened;
      ++refused;
      continue;
    }
    NodeStore& damaged = copy->node();
    EXPECT_EQ(damaged.identity().node_id, "node-1");
    EXPECT_EQ(damaged.identity().cluster_id, "cluster-1");
    EXPECT_EQ(damaged.identity().incarnation, incarnation);
    EXPECT_EQ(damaged.promise().SerializeAsString(), promise.SerializeAsString());
    EXPECT_LE(damaged.acknowledged().revision, acknowledged.revision);
    const absl::Status checked = copy->CheckNode();
    EXPECT_TRUE(checked.ok() || IsDamaged(checked)) << checked;
    const auto value = damaged.GetValue("journal");
    EXPECT_TRUE(value.ok() ? *value == journal : IsDamaged(value.status())) << value.status();
    EXPECT_FALSE(checked.ok() && !value.ok()) << "damage that the check misses";
    ++(checked.ok() ? harmless : found);
  }
  printf("%d flips: %d refused at the opening, %d found while it runs, %d harmless\n", kFlips, refused, found,
         harmless);
  EXPECT_GT(refused, 0);
}

TEST(NodeFlipTest, ABitThatFlipsInAnyPageWhileTheNodeRunsIsFound) {
  StoreUnderTest store;
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store->node().PutValue("journal", std::string(20'000, 'j')).ok());
  const int64_t bytes = *store.files().Size("/d/node.db");
  ASSERT_GT(bytes, 5 * 4096);
  auto chance = SeededRandom(3);
  for (int64_t page = 0; page < bytes / 4096; ++page) {
    const int64_t byte = page * 4096 + static_cast<int64_t>(chance->Below(4096));
    store.disk().FlipBit("/d/node.db", byte, 3);
    EXPECT_TRUE(IsDamaged(store->CheckNode())) << "byte " << byte;
    store.disk().FlipBit("/d/node.db", byte, 3);
    EXPECT_TRUE(store->CheckNode().ok()) << store->CheckNode();
  }
}

TEST(NodeFlipTest, ASoundFileIsFoundSound) {
  StoreUnderTest store;
  ASSERT_TRUE(store.Open().ok());
  EXPECT_TRUE(store->CheckNode().ok()) << store->CheckNode();
  ASSERT_TRUE(store->node().PutValue("journal", "x").ok());
  EXPECT_TRUE(store->CheckNode().ok()) << store->CheckNode();
}

}  // namespace
}  // namespace holdfast::storage
