#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "storage/sqlite_database.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

TEST_F(ReplicaTest, FollowersHoldAndShowWhatThePrimaryCommits) {
  Add("p"), Add("s"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  Position last;
  for (int i = 0; i < 300; ++i) last = Commit("p", absl::StrCat("k", i), "v");
  for (const char* id : {"s", "x"}) {
    ASSERT_TRUE(RunUntilShown(id, last)) << id << ": " << node(id).replica().view().activity;
    EXPECT_EQ(node(id).store().state_digest(), node("p").store().state_digest());
    EXPECT_EQ(node(id).replica().nodes().size(), 3u);
  }
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_PRIMARY);
  EXPECT_EQ(node("s").role(), v1::NODE_ROLE_STANDBY);
  EXPECT_EQ(node("x").role(), v1::NODE_ROLE_PROXY);
  EXPECT_EQ(node("x").replica().view().primary_client_address, "p:client");
  EXPECT_EQ(node("p").replica().followers().size(), 2u);
}

TEST_F(ReplicaTest, ACommitTravelsWithoutWaitingForAHeartbeat) {
  Add("p"), Add("s");
  ASSERT_EQ(Init({"s"}, 1), absl::OkStatus());
  const Position first = Commit("p", "a", "1");
  ASSERT_TRUE(RunUntilShown("s", first));
  const absl::Duration before = time_.now();
  ASSERT_TRUE(RunUntilShown("s", Commit("p", "a", "2")));
  EXPECT_LT(time_.now() - before, absl::Milliseconds(20));
}

TEST_F(ReplicaTest, AFreshNodeAdoptsTheClusterOnceAndRefusesOthersAfterwards) {
  Add("p"), Add("s");
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("s", node("p").store().visible()));
  EXPECT_EQ(node("s").store().node().identity().cluster_id, "c1");
  EXPECT_EQ(ReasonOf(node("s").store().node().JoinCluster("c2")), "WRONG_CLUSTER");
  v1::PromiseRequest request;
  request.set_cluster_id("c2");
  EXPECT_EQ(ReasonOf(node("s").replica().AcceptPromise(request).status()), "WRONG_CLUSTER");
}

TEST_F(ReplicaTest, AStrangerIsToldHowToBecomeAMember) {
  Add("p"), Add("z");
  ASSERT_EQ(Init({}, 0, {"z"}), absl::OkStatus());
  time_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(node("z").store().appended().revision.is_zero());
  EXPECT_NE(node("z").replica().view().activity.find("holdfast nodes add z"), std::string::npos)
      << node("z").replica().view().activity;
}

TEST_F(ReplicaTest, ARestartedFollowerGoesOnWhereItWas) {
  Add("p"), Add("s");
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("s", Commit("p", "a", "1")));
  node("s").Kill();
  const Position later = Commit("p", "a", "2");
  node("s").Start();
  EXPECT_EQ(node("s").store().visible().revision.index(), later.revision.index() - 1);
  EXPECT_TRUE(RunUntilShown("s", later));
}

TEST_F(ReplicaTest, StalenessIsUnknownAtFirstThenBoundedAndGrowsWithoutTheUpstream) {
  Add("p"), Add("s");
  EXPECT_EQ(node("s").replica().Staleness(), std::nullopt);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  EXPECT_EQ(node("p").replica().Staleness(), absl::ZeroDuration());
  ASSERT_TRUE(RunUntilShown("s", node("p").store().visible()));
  for (int i = 0; i < 50; ++i) {
    time_.RunFor(absl::Milliseconds(300));
    ASSERT_TRUE(node("s").replica().Staleness().has_value());
    EXPECT_LT(*node("s").replica().Staleness(), absl::Milliseconds(1100));
  }
  Isolate("s");
  time_.RunFor(absl::Seconds(20));
  EXPECT_GT(*node("s").replica().Staleness(), absl::Seconds(20));
  EXPECT_NE(node("s").replica().view().no_primary_since, absl::ZeroDuration());
  EXPECT_EQ(ReasonOf(node("s").replica().CanAdmit()), "NO_PRIMARY");
}

TEST_F(ReplicaTest, ARelayPassesOnRecordsAndAddsItsOwnAge) {
  Add("p"), Add("r", v1::NODE_KIND_PROXY), Add("x", v1::NODE_KIND_PROXY);
  node("x").upstream.only = "r";
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  const Position last = Commit("p", "a", "1");
  ASSERT_TRUE(RunUntilShown("x", last)) << node("x").replica().view().activity;
  EXPECT_EQ(node("x").replica().view().upstream_node_id, "r");
  EXPECT_EQ(node("x").replica().view().primary_node_id, "p");
  time_.RunFor(absl::Seconds(5));
  EXPECT_LT(*node("x").replica().Staleness(), absl::Milliseconds(2500));
  // The relay hears nothing any more: its follower's bound grows although their stream is up.
  network_.Cut("p", "r"), network_.Cut("r", "p");
  time_.RunFor(absl::Seconds(8));
  EXPECT_GT(*node("x").replica().Staleness(), absl::Seconds(7));
}

// R12: commits may wait for it. It looked for somebody at a moment when the primary was none yet, or away.
TEST_F(ReplicaTest, AVoterThatARelayFeedsIsSoonBackAtThePrimary) {
  Add("p"), Add("v"), Add("r", v1::NODE_KIND_PROXY);
  const auto begun = Init({"v"}, 1);
  ASSERT_TRUE(begun && begun->ok());
  ASSERT_TRUE(RunUntilShown("r", Commit("p", "a", "1")));
  network_.Cut("v", "p"), network_.Reset("v", "p");
  const auto follows = [this](const std::string& whom) {
    const ReplicaView seen = node("v").replica().view();
    return seen.upstream_connected && seen.upstream_node_id == whom;
  };
  ASSERT_TRUE(time_.RunUntil([&] { return follows("r"); }, absl::Seconds(10)));
  network_.HealAll();
  EXPECT_TRUE(time_.RunUntil([&] { return follows("p"); }, absl::Milliseconds(400)))
      << node("v").replica().view().activity;
}

TEST_F(ReplicaTest, NodesThatLostThePrimaryDoNotFeedEachOtherInACircle) {
  Add("p"), Add("r", v1::NODE_KIND_PROXY), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "1")));
  ASSERT_TRUE(RunUntilShown("r", node("p").store().visible()));
  node("p").Kill();
  int both = 0;
  for (int i = 0; i < 300; ++i) {
    time_.RunFor(absl::Milliseconds(100));
    both += node("r").replica().view().upstream_connected && node("x").replica().view().upstream_connected &&
            node("r").replica().view().upstream_node_id == "x" &&
            node("x").replica().view().upstream_node_id == "r";
  }
  EXPECT_EQ(both, 0);
}

TEST_F(ReplicaTest, AFollowerThatLacksCompactedRecordsTakesASnapshot) {
  Add("p"), Add("s"), Add("x", v1::NODE_KIND_PROXY);
  node("x").Kill();
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  for (int i = 0; i < 50; ++i) Commit("p", absl::StrCat("k", i % 7), absl::StrCat(i));
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = Revision(0, 40);
  Append("p", compact);
  Position last = Commit("p", "k", "last");
  node("x").Start();
  ASSERT_TRUE(RunUntilShown("x", last)) << node("x").replica().view().activity;
  EXPECT_EQ(node("x").store().state_digest(), node("p").store().state_digest());
  EXPECT_EQ(node("x").store().floor(), Revision(0, 40));
  last = Commit("p", "k", "later");
  EXPECT_TRUE(RunUntilShown("x", last));
}

TEST_F(ReplicaTest, ARepairTakesANewIncarnationAndASnapshot) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "1")));
  const std::string before = node("x").incarnation();
  ASSERT_TRUE(node("x").replica().Repair("a row is damaged").ok());
  EXPECT_NE(node("x").incarnation(), before);
  EXPECT_EQ(ReasonOf(node("p").replica().Repair("x")), "DATA_DAMAGED");
  const Position last = Commit("p", "a", "2");
  ASSERT_TRUE(RunUntilShown("x", last)) << node("x").replica().view().activity;
  EXPECT_EQ(*node("x").store().node().GetValue("repair"), std::nullopt);
}

TEST_F(ReplicaTest, ARepairMayBeRepeatedAnyNumberOfTimesButOnlyOneIsUnderWay) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "0")));
  std::string before = node("x").incarnation();
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(node("x").replica().Repair("a row is damaged").ok());
    const std::string renewed = node("x").incarnation();
    EXPECT_NE(renewed, before);
    ASSERT_TRUE(node("x").replica().Repair("another read of the same row").ok());
    EXPECT_EQ(node("x").incarnation(), renewed);
    before = renewed;
    ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", absl::StrCat(round))))
        << node("x").replica().view().activity;
    EXPECT_EQ(*node("x").store().node().GetValue("repair"), std::nullopt);
  }
}

// Spoils the row of the inventory that every start reads; the node does not run.
void SpoilInventory(TestNode& node) {
  storage::SqliteOptions options;
  options.vfs = node.files().sqlite_vfs();
  const auto database = storage::SqliteDatabase::OpenWriter("/d/data.db", options);
  ASSERT_TRUE(database.ok()) << database.status();
  const absl::Status done =
      (*database)->Execute("UPDATE current SET value = x'00' WHERE key = CAST('_holdfast/cluster' AS BLOB)");
  ASSERT_TRUE(done.ok()) << done;
  ASSERT_EQ((*database)->ChangedRowCount(), 1);
}

TEST_F(ReplicaTest, AReplicaThatFindsDamageAtItsStartRepairsItself) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "1")));
  const std::string before = node("x").incarnation();
  node("x").Kill();
  SpoilInventory(node("x"));
  node("x").Start();
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "2"))) << node("x").replica().view().activity;
  EXPECT_NE(node("x").incarnation(), before);
  EXPECT_EQ(*node("x").store().node().GetValue("repair"), std::nullopt);
}

TEST_F(ReplicaTest, APrimaryThatFindsDamageAtItsStartServesNothingAndSaysHowToGoOn) {
  Add("p");
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  Commit("p", "a", "1");
  const std::string before = node("p").incarnation();
  node("p").Kill();
  SpoilInventory(node("p"));
  node("p").Start();
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(node("p").incarnation(), before);
  EXPECT_TRUE(absl::StrContains(node("p").replica().view().not_serving_reason, "holdfast snapshot restore"))
      << node("p").replica().view().not_serving_reason;
}

TEST_F(ReplicaTest, ARepairSurvivesARestart) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "1")));
  ASSERT_TRUE(node("x").replica().Repair("a row is damaged").ok());
  node("x").Kill();
  node("x").Start();
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "a", "2"))) << node("x").replica().view().activity;
  EXPECT_EQ(*node("x").store().node().GetValue("repair"), std::nullopt);
}

// `verify --deep` and a snapshot's copy take minutes, on threads of their own.
TEST_F(ReplicaTest, LongWorkOnTheDiskDoesNotStopTheFeeding) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  node("a").Kill();
  const Position last = Commit("p", "k", "1");
  node("p").Kill();
  node("p").Start();  // nothing of its log is in memory any more
  node("p").worker().PauseFor(absl::Hours(1));
  node("a").Start();
  EXPECT_TRUE(RunUntilShown("a", last, absl::Seconds(60))) << node("a").replica().view().activity;
}

}  // namespace
}  // namespace holdfast::replication
