#include "storage/data_dir.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

using ::testing::HasSubstr;

class DataDirTest : public ::testing::Test {
 protected:
  DataDirectoryOptions Options() {
    DataDirectoryOptions options;
    options.store = node_.Options();
    options.node_id = "node-1";
    options.cluster_id = "cluster-1";
    return options;
  }

  // A node with some data that belongs to cluster-1; closed. `primary` holds the promise of the last epoch,
  // `leader` has begun the one of the log.
  void Build(absl::string_view primary = "another", absl::string_view leader = "node-1") {
    auto directory = OpenDataDirectory(Options());
    ASSERT_TRUE(directory.ok()) << directory.status();
    EXPECT_TRUE(directory->set_aside_path.empty());
    incarnation_ = directory->store->node().identity().incarnation;
    ASSERT_TRUE(directory->store->node().JoinCluster("cluster-1").ok());
    v1::EpochPromise promise;
    promise.set_candidate_node_id(std::string(primary));
    ASSERT_TRUE(directory->store->node().StorePromise(promise).ok());
    directory->store.reset();
    ASSERT_TRUE(node_.Open().ok());
    node_.Show(node_.Append(EpochDraft(leader)));
    for (int i = 0; i < 30; ++i) node_.Commit({Put(absl::StrCat("/k/", i), std::string(500, 'v'))});
    node_.Close();
  }

  void DamageData() {
    node_.disk().FlipBit("/d/data.db-wal", 32 + 24 + 100, 2);
  }  // before its last transactions
  void DamageNode() { node_.disk().FlipBit("/d/node.db", 200, 2); }

  std::string Bytes(const std::string& path) { return *node_.files().ReadFile(path, 1 << 30); }

  StoreUnderTest node_;
  std::string incarnation_;
};

TEST_F(DataDirTest, AMissingDirectoryIsMade) {
  DataDirectoryOptions options = Options();
  options.store.data_dir = "/new/place";
  const auto directory = OpenDataDirectory(options);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_EQ(directory->store->node().identity().node_id, "node-1");
}

TEST_F(DataDirTest, SoundDataIsOpenedAsItIs) {
  Build();
  const auto directory = OpenDataDirectory(Options());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(directory->damage.ok());
  EXPECT_EQ(directory->store->appended().revision, Revision(0, 31));
  EXPECT_EQ(directory->store->node().identity().incarnation, incarnation_);
}

TEST_F(DataDirTest, AReplicaSetsDamageAsideAndBeginsWithANewIncarnation) {
  Build();
  DamageData();
  const std::string wal = Bytes("/d/data.db-wal");
  const auto directory = OpenDataDirectory(Options());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(IsDamaged(directory->damage));
  EXPECT_THAT(directory->set_aside_path, HasSubstr("/d/data.db.damaged-"));
  EXPECT_EQ(Bytes(directory->set_aside_path + "-wal"), wal);
  EXPECT_TRUE(directory->store->appended().revision.is_zero());
  EXPECT_NE(directory->store->node().identity().incarnation, incarnation_);
  EXPECT_EQ(directory->store->node().identity().cluster_id, "cluster-1");
}

TEST_F(DataDirTest, ADataFileThatIsGoneIsDamageToo) {
  Build();
  ASSERT_TRUE(node_.files().Remove("/d/data.db").ok());
  ASSERT_TRUE(node_.files().Remove("/d/data.db-wal").ok());
  const auto directory = OpenDataDirectory(Options());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE(IsDamaged(directory->damage));
  EXPECT_NE(directory->store->node().identity().incarnation, incarnation_);
}

TEST_F(DataDirTest, APrimaryRefusesAndTouchesNothing) {
  Build("node-1");
  DamageData();
  const std::string before = Bytes("/d/data.db-wal");
  const auto names = *node_.files().List("/d");
  const absl::Status refused = OpenDataDirectory(Options()).status();
  EXPECT_TRUE(IsDamaged(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("holdfast snapshot restore"));
  EXPECT_EQ(*node_.files().List("/d"), names);
  EXPECT_EQ(Bytes("/d/data.db-wal"), before);
}

TEST_F(DataDirTest, AProxySetsItsNodeFileAsideAndKeepsItsData) {
  Build();
  DamageNode();
  DataDirectoryOptions options = Options();
  options.is_proxy = true;
  const auto directory = OpenDataDirectory(options);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_THAT(directory->set_aside_path, HasSubstr("/d/node.db.damaged-"));
  EXPECT_NE(directory->store->node().identity().incarnation, incarnation_);
  EXPECT_EQ(directory->store->appended().revision, Revision(0, 31));
}

TEST_F(DataDirTest, AStandbySetsItsNodeFileAsideAndIsNoVoterAnyMore) {
  Build("another", "another");
  DamageNode();
  const auto directory = OpenDataDirectory(Options());
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_THAT(directory->set_aside_path, HasSubstr("/d/node.db.damaged-"));
  EXPECT_NE(directory->store->node().identity().incarnation, incarnation_);
  EXPECT_EQ(directory->store->appended().revision, Revision(0, 31));
}

TEST_F(DataDirTest, APrimaryWhosePromisesCannotBeReadRefuses) {
  Build("node-1");
  DamageNode();
  const absl::Status refused = OpenDataDirectory(Options()).status();
  EXPECT_TRUE(IsDamaged(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("promised"));
  EXPECT_TRUE(*node_.files().Exists("/d/node.db"));
}

TEST_F(DataDirTest, AServerWithNothingReadableRefuses) {
  Build("another", "another");
  DamageNode();
  DamageData();
  const absl::Status refused = OpenDataDirectory(Options()).status();
  EXPECT_TRUE(IsDamaged(refused)) << refused;
  EXPECT_TRUE(*node_.files().Exists("/d/node.db"));
}

TEST_F(DataDirTest, DamageThatComesBackIsSetAsideUnderAnotherNameEachTime) {
  for (int round = 1; round <= 3; ++round) {
    Build();
    DamageData();
    const auto directory = OpenDataDirectory(Options());
    ASSERT_TRUE(directory.ok()) << directory.status();
    EXPECT_EQ(directory->set_aside_path, absl::StrCat("/d/data.db.damaged-", round));
  }
}

TEST_F(DataDirTest, AnotherClustersDirectoryIsRefused) {
  Build();
  DataDirectoryOptions options = Options();
  options.cluster_id = "cluster-2";
  EXPECT_EQ(ReasonOf(OpenDataDirectory(options).status()), "WRONG_CLUSTER");
  EXPECT_TRUE(OpenDataDirectory(Options()).ok());
}

TEST_F(DataDirTest, AnotherNodesDirectoryIsRefused) {
  Build();
  DataDirectoryOptions options = Options();
  options.node_id = "node-2";
  EXPECT_EQ(ReasonOf(OpenDataDirectory(options).status()), "CONFLICTING_SETTINGS");
}

TEST_F(DataDirTest, ALockedDirectoryIsRefused) {
  Build();
  ASSERT_TRUE(node_.Open().ok());
  EXPECT_EQ(ReasonOf(OpenDataDirectory(Options()).status()), "DATA_DIR_LOCKED");
}

TEST_F(DataDirTest, AFullDiskIsNoDamage) {
  node_.disk().LimitRoom(1000);
  EXPECT_TRUE(IsDiskFull(OpenDataDirectory(Options()).status()));
}

TEST(DataDirOnDiskTest, AFileInPlaceOfTheDirectoryIsNamed) {
  testing::TemporaryDirectory directory;
  std::ofstream(directory / "file") << "x";
  ManualClock clock;
  DataDirectoryOptions options;
  options.node_id = "n";
  options.store.data_dir = directory / "file";
  options.store.files = PosixFileSystem();
  options.store.clock = &clock;
  options.store.random = SystemRandom();
  const absl::Status refused = OpenDataDirectory(options).status();
  EXPECT_EQ(ReasonOf(refused), "IO_ERROR") << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("not a directory"));
}

}  // namespace
}  // namespace holdfast::storage
