#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/poll.h"
#include "primary/canary_grpc.h"
#include "primary/drills.h"
#include "primary/primary_server.h"
#include "replication/inventory.h"
#include "tests/base/recording_logger.h"
#include "tests/primary/fake_replica.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::primary {

inline constexpr absl::Duration kPatience = absl::Seconds(60);
inline constexpr char kRealCluster[] = "c0ffee";

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
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok()) << batch.status();
    ASSERT_TRUE((*batch)->Append(0, "p", first).ok());
    for (int i = 0; i < 50; ++i) {
      storage::RecordDraft commit;
      commit.commit.emplace();
      Put(&commit, absl::StrCat("k", i), "v");
      ASSERT_TRUE((*batch)->Append(0, "p", commit).ok());
    }
    ASSERT_TRUE((*batch)->Commit().ok());
    replica_.CommitAll();
  }
  static void Put(storage::RecordDraft* draft, const std::string& key, const std::string& value) {
    v1::Change& change = draft->changes.emplace_back();
    change.set_key(key);
    change.set_value(value);
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
  storage::FileSystem* files_ = storage::PosixFileSystem();  // whose free space counts
  node::NodeConfig config_;
  std::optional<node::NodeConfig> opened_;
  std::function<void(node::RunningNode&)> on_open_;
  node::StartNode start_node_;
  OpenCanary open_canary_;
  std::atomic<bool> operation_runs_{false};
  absl::Duration limit_ = absl::Minutes(5);
  std::unique_ptr<Drills> drills_;
};

}  // namespace holdfast::primary
