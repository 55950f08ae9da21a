#include "gtest/gtest.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/sqlite_node_store.h"

namespace holdfast::storage {
namespace {

Position PositionAt(uint64_t index) {
  Position position;
  position.revision = Revision(0, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(index);
  return position;
}

// Found by the simulator (seed 32): what is only written may be torn in any order, which is no damage.
TEST(NodeStorePowerCutTest, OpensWithItsPromiseWhateverIsTornOfWhatWasOnlyWritten) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::unique_ptr<Random> random = SeededRandom(seed);
    MemoryDisk disk;
    MemoryFileSystem files(&disk);
    SqliteOptions options;
    options.vfs = files.sqlite_vfs();
    auto node = SqliteNodeStore::Open("node.db", options, random.get());
    ASSERT_TRUE(node.ok()) << node.status();
    disk.SyncDirectory(".");
    v1::EpochPromise promise;
    promise.set_candidate_node_id("dc2-a");
    for (uint64_t i = 1; i < 12; ++i) {
      if (i % 4 == 0) {
        promise.set_epoch(i);
        ASSERT_TRUE((*node)->StorePromise(promise).ok());
      }
      ASSERT_TRUE((*node)->NoteVisible(PositionAt(i)).ok());
    }
    disk.Crash(CrashMode::kTearUnsynced, *random);
    node->reset();
    node = SqliteNodeStore::Open("node.db", options, random.get());
    ASSERT_TRUE(node.ok()) << "seed " << seed << ": " << node.status();
    EXPECT_EQ((*node)->promise().epoch(), 8u);
  }
}

}  // namespace
}  // namespace holdfast::storage
