// Rehearsals over a real store and real servers in this process; no cluster is needed, and none is touched.
#include <gmock/gmock.h>

#include "base/error.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "node/rating_records.h"
#include "primary/rehearsal.h"
#include "rpc/channel.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "tests/base/gate.h"
#include "tests/primary/drills_fixture.h"
#include "tests/support/test_certificates.h"

namespace holdfast::primary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a rehearsed node says of itself once it is primary.
v1::StatusResponse StatusAsPrimary(node::RunningNode& opened) {
  auto channels = rpc::ChannelCache::Create({}, rpc::ChannelUse::kPeer);
  const auto stub = v1::AdminService::NewStub(*(*channels)->Get(opened.peer_address()));
  v1::StatusResponse status;
  EXPECT_TRUE(PollUntil(*RealClock(), kPatience, [&] {
    grpc::ClientContext context;
    return stub->Status(&context, v1::StatusRequest(), &status).ok() &&
           status.header().role() == v1::NODE_ROLE_PRIMARY;
  })) << status.DebugString();
  return status;
}

TEST_F(DrillsTest, ARehearsalTakesACommitInACopyAndLeavesTheNodeAsItWas) {
  const Position appended = store_->appended();
  const std::string promise = store_->node().promise().SerializeAsString();
  const std::string incarnation = store_->node().identity().incarnation;
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_PASSED) << drill.DebugString();
  EXPECT_THAT(StepsOf(drill), ElementsAre("copy", "verify", "open", "commit", "read", "close"));
  for (const v1::DrillStep& step : drill.steps()) EXPECT_EQ(step.state(), v1::DRILL_STATE_PASSED);
  EXPECT_EQ(drill.position().revision(), appended.revision.number());
  EXPECT_EQ(drill.epoch(), 1u);  // of slot 1
  EXPECT_EQ(drill.key_count(), 53);
  EXPECT_TRUE(drill.has_last_passed());
  EXPECT_EQ(drill.operator_name(), "olga");
  EXPECT_EQ(store_->appended(), appended);
  EXPECT_EQ(store_->visible(), appended);
  EXPECT_EQ(store_->node().promise().SerializeAsString(), promise);
  EXPECT_EQ(store_->node().identity().incarnation, incarnation);
  EXPECT_FALSE(IsAnythingLeft());
  const auto kept = node::ReadDrill(store_->node());
  ASSERT_TRUE(kept.ok() && kept->has_value());
  EXPECT_EQ((*kept)->SerializeAsString(), drill.SerializeAsString());
}

TEST_F(DrillsTest, WhatIsOpenedIsAClusterOfItsOwnThatKnowsNobody) {
  v1::StatusResponse status;
  on_open_ = [&](node::RunningNode& opened) { status = StatusAsPrimary(opened); };
  EXPECT_EQ(Rehearse().state(), v1::DRILL_STATE_PASSED);
  EXPECT_EQ(status.header().cluster_id().size(), 32u);
  EXPECT_NE(status.header().cluster_id(), kRealCluster);
  ASSERT_EQ(status.nodes_size(), 1) << status.DebugString();
  EXPECT_EQ(status.nodes(0).node_id(), "a");
  EXPECT_EQ(status.nodes(0).peer_address(), "127.0.0.1:0");
  EXPECT_EQ(status.rule().quorum(), 0u);
  EXPECT_EQ(status.followers_size(), 0);
  ASSERT_TRUE(opened_.has_value());
  EXPECT_TRUE(opened_->seeds.empty());
  EXPECT_EQ(opened_->data_dir, directory_ / "drill");
}

// Its end restores a rule whose voters the rehearsed cluster has not got: no commit would be confirmed.
TEST_F(DrillsTest, APlannedSpellOfTheClusterIsNotTheRehearsals) {
  v1::ClusterInfo cluster;
  cluster.set_cluster_id(kRealCluster);
  cluster.set_primary_node_id("p");
  v1::LocalSpell& spell = *cluster.mutable_spell();
  spell.set_began_at_us(1);  // over long ago, by any clock
  spell.set_seconds(1);
  spell.mutable_former_rule()->set_quorum(1);
  spell.mutable_former_rule()->add_voters()->set_node_id("a");
  storage::RecordDraft draft;
  draft.commit.emplace();
  Put(&draft, std::string(replication::kClusterKey), replication::ToJson(cluster));
  auto batch = store_->BeginBatch();
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_TRUE((*batch)->Append(0, "p", draft).ok());
  ASSERT_TRUE((*batch)->Commit().ok());
  batch->reset();
  replica_.CommitAll();
  v1::StatusResponse status;
  on_open_ = [&](node::RunningNode& opened) { status = StatusAsPrimary(opened); };
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_PASSED) << drill.DebugString();
  EXPECT_FALSE(status.has_spell()) << status.DebugString();
  EXPECT_EQ(status.rule().quorum(), 0u);
}

TEST_F(DrillsTest, WithTlsTheNodesOwnCertificateIsEnough) {
  testing::TestAuthority authority(directory_.path(), "ours");
  const auto files = authority.Issue("a", {"DNS:a.example", "URI:holdfast://node/a"});
  config_.tls_ca = files.ca;
  config_.tls_cert = files.cert;
  config_.tls_key = files.key;
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_PASSED) << drill.DebugString();
}

TEST_F(DrillsTest, AFailureNamesItsStepAndEverythingIsTakenDown) {
  start_node_ = [](const node::NodeConfig&, Logger*) -> absl::StatusOr<std::unique_ptr<node::RunningNode>> {
    return MakeError(absl::StatusCode::kInternal, "IO_ERROR", "no port is free");
  };
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_FAILED);
  EXPECT_EQ(drill.failed_step(), "open");
  EXPECT_EQ(drill.error(), "no port is free");
  EXPECT_EQ(drill.error_reason(), "IO_ERROR");
  EXPECT_THAT(StepsOf(drill), ElementsAre("copy", "verify", "open", "close"));
  EXPECT_FALSE(drill.has_last_passed());
  EXPECT_FALSE(IsAnythingLeft());
}

TEST_F(DrillsTest, ACanaryThatIsNotReadBackFails) {
  TestCanary canary;
  canary.read = "something else";
  UseTestCanary(canary);
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.failed_step(), "read") << drill.DebugString();
  EXPECT_EQ(drill.error_reason(), "DIVERGED");
  EXPECT_FALSE(IsAnythingLeft());
}

TEST_F(DrillsTest, ARehearsalThatTakesTooLongFails) {
  limit_ = absl::ZeroDuration();
  const v1::Drill drill = Rehearse();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_FAILED);
  EXPECT_EQ(drill.error_reason(), "DEADLINE");
  EXPECT_FALSE(IsAnythingLeft());
}

TEST_F(DrillsTest, OnlyOneRunsAtATimeAndGivesWayToAnOperation) {
  const v1::Drill before = Rehearse();
  ASSERT_EQ(before.state(), v1::DRILL_STATE_PASSED);
  Gate reached;
  Gate go_on;
  TestCanary canary;
  canary.before_commit = [&] {
    reached.Open();
    go_on.Wait();
  };
  UseTestCanary(canary);
  StartDrills();
  ASSERT_TRUE(Begin().ok());
  reached.Wait();
  const absl::Status second = Begin().status();
  EXPECT_EQ(ReasonOf(second), "OPERATION_RUNNING") << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("olga on desk"));
  operation_runs_ = true;
  strand_.RunAndWait([this] { drills_->OnChange(); });
  go_on.Open();
  const v1::Drill drill = Ended();
  EXPECT_EQ(drill.state(), v1::DRILL_STATE_INTERRUPTED) << drill.DebugString();
  EXPECT_EQ(drill.error_reason(), "ABORTED");
  EXPECT_EQ(drill.failed_step(), "read");
  EXPECT_EQ(drill.last_passed().seconds(), before.last_passed().seconds());
  EXPECT_FALSE(IsAnythingLeft());
}

TEST_F(DrillsTest, TheEndOfTheNodeEndsItCleanly) {
  Gate reached;
  Gate go_on;
  TestCanary canary;
  canary.before_commit = [&] {
    reached.Open();
    go_on.Wait();
  };
  UseTestCanary(canary);
  StartDrills();
  ASSERT_TRUE(Begin().ok());
  reached.Wait();
  drills_->Cancel();
  go_on.Open();
  StopDrills();
  EXPECT_FALSE(IsAnythingLeft());
  EXPECT_EQ((*node::ReadDrill(store_->node()))->state(), v1::DRILL_STATE_INTERRUPTED);
}

TEST_F(DrillsTest, WhatACrashLeftIsRemovedAtTheNextStart) {
  v1::Drill running;
  running.set_state(v1::DRILL_STATE_RUNNING);
  running.mutable_last_passed()->set_seconds(7);
  ASSERT_TRUE(node::WriteDrill(store_->node(), running).ok());
  ASSERT_TRUE(files_->MakeDirectories(directory_ / "drill/salvage").ok());
  ASSERT_TRUE(files_->WriteNewFile(directory_ / "drill/data.db", "half a copy").ok());
  StartDrills();
  EXPECT_EQ(Now().state(), v1::DRILL_STATE_INTERRUPTED);
  EXPECT_EQ(Now().last_passed().seconds(), 7);
  EXPECT_TRUE(PollUntil(*RealClock(), kPatience, [&] { return !IsAnythingLeft(); }));
  EXPECT_EQ((*node::ReadDrill(store_->node()))->state(), v1::DRILL_STATE_INTERRUPTED);
}

TEST_F(DrillsTest, WhatIsNoStandbyIsRefused) {
  StartDrills();
  replica_.seen.role = v1::NODE_ROLE_PRIMARY;
  EXPECT_EQ(ReasonOf(Begin().status()), "CHECK_FAILED");
  EXPECT_EQ(DetailOf(Begin().status(), "check"), "role");
  replica_.seen.role = v1::NODE_ROLE_STANDBY;
  replica_.seen.not_serving_reason = "the state differs";
  EXPECT_EQ(DetailOf(Begin().status(), "check"), "data");
  replica_.seen.not_serving_reason.clear();
  operation_runs_ = true;
  EXPECT_EQ(DetailOf(Begin().status(), "check"), "other-operation");
  operation_runs_ = false;
  drills_->Cancel();
  EXPECT_EQ(ReasonOf(Begin().status()), "DRAINING");
  EXPECT_EQ(Now().steps_size(), 0);
}

TEST_F(DrillsTest, ADiskWithoutRoomForTheCopyIsRefused) {
  storage::MemoryDisk disk;
  storage::MemoryFileSystem full(&disk);
  ASSERT_TRUE(full.MakeDirectories(directory_.path()).ok());
  disk.LimitRoom(int64_t{100} << 20);
  files_ = &full;
  StartDrills();
  const absl::Status refused = Begin().status();
  EXPECT_EQ(DetailOf(refused, "check"), "disk") << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("needed: 256 MiB: room for a copy of the data"));
  EXPECT_EQ(Now().steps_size(), 0);
  StopDrills();
}

TEST(RemoveTreeTest, RemovesWhatIsThereAndNothingElse) {
  const testing::TemporaryDirectory directory;
  storage::FileSystem& files = *storage::PosixFileSystem();
  ASSERT_TRUE(files.MakeDirectories(directory / "gone/below").ok());
  ASSERT_TRUE(files.WriteNewFile(directory / "gone/below/file", "x").ok());
  ASSERT_TRUE(files.WriteNewFile(directory / "stays", "x").ok());
  EXPECT_TRUE(RemoveTree(files, directory / "gone").ok());
  EXPECT_TRUE(RemoveTree(files, directory / "gone").ok());
  EXPECT_FALSE(*files.Exists(directory / "gone"));
  EXPECT_TRUE(*files.Exists(directory / "stays"));
}

}  // namespace
}  // namespace holdfast::primary
