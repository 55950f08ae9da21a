// Rehearsals over a real store and real servers in this process; no cluster is needed, and none is touched.
#include "primary/drills.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/poll.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "node/rating_records.h"
#include "primary/canary_grpc.h"
#include "primary/primary_server.h"
#include "primary/rehearsal.h"
#include "replication/inventory.h"
#include "rpc/channel.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "tests/base/gate.h"
#include "tests/base/recording_logger.h"
#include "tests/primary/fake_replica.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificates.h"

namespace holdfast::primary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kRealCluster[] = "c0ffee";

// Of a standby, unless the test says otherwise.
class StandbyReplica : public FakeReplica {
 public:
  replication::ReplicaView view() const override { return seen; }
  replication::ReplicaView seen;
};

// A client that does what the test wants.
class TestCanary : public Canary {
 public:
  absl::StatusOr<Revision> Commit(const std::string&, const std::string& value, absl::Duration) override {
    if (before_commit) before_commit();
    written = value;
    return Revision(1, 2);
  }
  absl::StatusOr<std::string> Read(const std::string&, Revision, absl::Duration) override {
    return read.empty() ? written : read;
  }

  std::function<void()> before_commit;
  std::string written;
  std::string read;
};

// Node a, a standby of p and its only voter, with 50 keys.
class DrillsTest : public ::testing::Test {
 protected:
  DrillsTest() : strand_("core", RealClock()) {
    replica_.seen.role = v1::NODE_ROLE_STANDBY;
    OpenStore();
    config_.node_id = "a";
    config_.site = "dc2";
    config_.client = {"127.0.0.1:0", "127.0.0.1:0"};
    start_node_ = [this](const node::NodeConfig& config, Logger* logger) {
      opened_ = config;
      auto started = StartPrimaryServer(config, logger);
      if (started.ok() && on_open_) on_open_(**started);
      return started;
    };
  }
  ~DrillsTest() override { StopDrills(); }

  void OpenStore() {
    storage::Store::Options options;
    options.data_dir = directory_.path();
    options.files = storage::PosixFileSystem();
    options.vfs = options.files->sqlite_vfs();
    options.clock = RealClock();
    options.random = SystemRandom();
    auto opened = storage::Store::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    replica_.store = store_.get();
    ASSERT_TRUE(store_->node().SetNodeId("a").ok());
    ASSERT_TRUE(store_->node().JoinCluster(kRealCluster).ok());
    storage::RecordDraft first;
    first.kind = v1::RECORD_KIND_EPOCH;
    first.epoch.emplace();
    first.epoch->set_node_id("p");
    first.rule.emplace();
    first.rule->set_quorum(1);
    first.rule->add_voters()->set_node_id("a");
    first.rule->mutable_voters(0)->set_incarnation(store_->node().identity().incarnation);
    v1::ClusterInfo cluster;
    cluster.set_cluster_id(kRealCluster);
    cluster.set_primary_node_id("p");
    *cluster.mutable_rule() = *first.rule;
    Put(&first, std::string(replication::kClusterKey), replication::ToJson(cluster));
    for (const auto& [id, slot] :
         {std::pair<std::string, int>("a", 1), std::pair<std::string, int>("p", 0)}) {
      v1::NodeInfo member;
      member.set_node_id(id);
      member.set_kind(v1::NODE_KIND_SERVER);
      member.set_slot(slot);
      member.set_incarnation(store_->node().identity().incarnation);
      member.set_peer_address("127.0.0.1:1");
      Put(&first, replication::NodeKey(id), replication::ToJson(member));
    }
    Append(first);
    for (int i = 0; i < 50; ++i) {
      storage::RecordDraft commit;
      commit.commit.emplace();
      Put(&commit, absl::StrCat("k", i), "v");
      Append(commit);
    }
    replica_.CommitAll();
  }
  static void Put(storage::RecordDraft* draft, const std::string& key, const std::string& value) {
    v1::Change& change = draft->changes.emplace_back();
    change.set_key(key);
    change.set_value(value);
  }
  void Append(const storage::RecordDraft& draft) {
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok()) << batch.status();
    const auto appended = (*batch)->Append(0, "p", draft);
    ASSERT_TRUE(appended.ok()) << appended.status();
    ASSERT_TRUE((*batch)->Commit().ok());
  }

  Drills::Options Options() {
    Drills::Options options;
    options.store = store_.get();
    options.replica = &replica_;
    options.files = files_;
    options.strand = &strand_;
    options.clock = RealClock();
    options.random = SystemRandom();
    options.logger = &logger_;
    options.config = config_;
    options.version = "1.0";
    options.start_node = start_node_;
    options.open_canary = open_canary_ ? open_canary_
                                       : GrpcCanaries({config_.tls_ca, config_.tls_cert, config_.tls_key},
                                                      "a.example", RealClock(), SystemRandom());
    options.operation_runs = [this] { return operation_runs_.load(); };
    options.limit = limit_;
    return options;
  }
  void StartDrills() {
    StopDrills();
    drills_ = std::make_unique<Drills>(Options());
    strand_.RunAndWait([this] { drills_->Start(); });
  }
  void StopDrills() {
    if (drills_ == nullptr) return;
    drills_->Cancel();
    drills_->StopWorker();
    strand_.RunAndWait([this] { drills_.reset(); });
  }
  absl::StatusOr<v1::StartDrillResponse> Begin() {
    absl::StatusOr<v1::StartDrillResponse> begun;
    v1::StartDrillRequest request;
    request.set_operator_name("olga");
    request.set_host("desk");
    strand_.RunAndWait([&] { begun = drills_->StartDrill(request); });
    return begun;
  }
  v1::Drill Now() {
    v1::GetDrillResponse now;
    strand_.RunAndWait([&] { now = drills_->GetDrill(); });
    return now.drill();
  }
  v1::Drill Ended() {
    v1::Drill drill;
    EXPECT_TRUE(PollUntil(*RealClock(), kPatience, [&] {
      drill = Now();
      return drill.state() != v1::DRILL_STATE_RUNNING;
    })) << drill.DebugString();
    return drill;
  }
  v1::Drill Rehearse() {
    StartDrills();
    const auto begun = Begin();
    EXPECT_TRUE(begun.ok()) << begun.status();
    return Ended();
  }
  // A canary that needs no node that answers.
  void UseTestCanary(TestCanary canary) {
    open_canary_ = [canary =
                        std::move(canary)](const std::string&) -> absl::StatusOr<std::unique_ptr<Canary>> {
      return std::make_unique<TestCanary>(canary);
    };
  }
  static std::vector<std::string> StepsOf(const v1::Drill& drill) {
    std::vector<std::string> names;
    for (const v1::DrillStep& step : drill.steps()) names.push_back(step.name());
    return names;
  }
  bool IsAnythingLeft() { return *storage::PosixFileSystem()->Exists(directory_ / "drill"); }

  testing::TemporaryDirectory directory_;
  RecordingLogger logger_;
  ThreadExecutor strand_;
  StandbyReplica replica_;
  std::unique_ptr<storage::Store> store_;
  storage::FileSystem* files_ = storage::PosixFileSystem();
  node::NodeConfig config_;
  std::optional<node::NodeConfig> opened_;
  std::function<void(node::RunningNode&)> on_open_;
  node::StartNode start_node_;
  OpenCanary open_canary_;
  std::atomic<bool> operation_runs_{false};
  absl::Duration limit_ = absl::Minutes(5);
  std::unique_ptr<Drills> drills_;
};

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
  on_open_ = [&](node::RunningNode& opened) {
    auto channels = rpc::ChannelCache::Create({}, rpc::ChannelUse::kPeer);
    const auto stub = v1::AdminService::NewStub(*(*channels)->Get(opened.peer_address()));
    EXPECT_TRUE(PollUntil(*RealClock(), kPatience, [&] {
      grpc::ClientContext context;
      return stub->Status(&context, v1::StatusRequest(), &status).ok() &&
             status.header().role() == v1::NODE_ROLE_PRIMARY;
    })) << status.DebugString();
  };
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
