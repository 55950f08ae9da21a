#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/random.h"
#include "replication/inventory.h"
#include "replication/replica.h"
#include "replication/stream_gate.h"
#include "replication/upstream_policy.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"
#include "tests/support/sim_executor.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_offload.h"
#include "tests/support/virtual_time.h"

namespace holdfast::replication {

// Follows one given address, or does as servers do.
class ChosenUpstream : public UpstreamPolicy {
 public:
  std::optional<std::string> Next(const std::vector<Candidate>& candidates, int failed) override {
    return only.empty() ? primary_first_.Next(candidates, failed) : std::optional<std::string>(only);
  }
  std::string only;

 private:
  PrimaryFirst primary_first_;
};

// One node on a memory disk and virtual time. Its id is its address.
class TestNode {
 public:
  TestNode(testing::VirtualTime* time, testing::SimNetwork* network, std::string id, v1::NodeKind kind,
           std::string site = "dc1")
      : time_(time),
        network_(network),
        id_(std::move(id)),
        kind_(kind),
        site_(std::move(site)),
        clock_(time),
        files_(&disk_),
        random_(SeededRandom(std::hash<std::string>()(id_))) {
    EXPECT_TRUE(files_.MakeDirectories("/d").ok());
  }
  ~TestNode() { Kill(); }

  void Start(std::vector<std::string> seeds = {"p"}) {
    strand_ = std::make_unique<testing::SimExecutor>(time_, &clock_, random_.get());
    worker_ = std::make_unique<testing::SimExecutor>(time_, &clock_, random_.get());
    offload_ = std::make_unique<testing::SimOffload>(worker_.get(), strand_.get(), random_.get());
    feeder_ = std::make_unique<testing::SimExecutor>(time_, &clock_, random_.get());
    feed_offload_ = std::make_unique<testing::SimOffload>(feeder_.get(), strand_.get(), random_.get());
    storage::Store::Options store;
    store.data_dir = "/d";
    store.files = &files_;
    store.vfs = files_.sqlite_vfs();
    store.clock = &clock_;
    store.random = random_.get();
    store.reader_count = 2;
    store.mmap_bytes = 0;
    store.on_failed_sync = [this](const absl::Status& status) { failed_sync = status; };
    auto opened = storage::Store::Open(store);
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    transport_ = network_->Transport(id_, strand_.get());
    Replica::Options options;
    options.node_id = id_;
    options.site = site_;
    options.kind = kind_;
    options.client_address = id_ + ":client";
    options.peer_address = id_;
    options.seed_addresses = std::move(seeds);
    options.store = store_.get();
    options.files = &files_;
    options.strand = strand_.get();
    options.offload = offload_.get();
    options.feed_offload = feed_offload_.get();
    options.clock = &clock_;
    options.random = random_.get();
    options.transport = transport_.get();
    options.upstream_policy = &upstream;
    options.on_halt = [this](const absl::Status& status) { halted = status; };
    options.on_change = [this] {
      if (on_change) on_change();
    };
    replica_ = Replica::Create(options);
    network_->Listen(id_, strand_.get(), replica_.get());
    strand_->Post([this] { replica_->Start(); });
  }

  // The process is gone; its disk keeps everything.
  void Kill() {
    if (replica_ == nullptr) return;
    network_->Crash(id_, /*reset=*/true);
    replica_.reset();
    transport_.reset();
    offload_.reset();
    feed_offload_.reset();
    strand_.reset();
    worker_.reset();
    feeder_.reset();
    store_.reset();
  }

  bool is_up() const { return replica_ != nullptr; }
  Replica& replica() { return *replica_; }
  storage::Store& store() { return *store_; }
  storage::MemoryFileSystem& files() { return files_; }
  storage::MemoryDisk& disk() { return disk_; }
  testing::SimExecutor& strand() { return *strand_; }
  testing::SimExecutor& worker() { return *worker_; }
  // The machine loses power: what was not synced is gone, and nothing that this process writes from now on
  // reaches the disk. Kill and Start follow.
  void LosePower() {
    network_->Crash(id_, /*reset=*/true);
    disk_.Crash(storage::CrashMode::kLoseUnsynced, *random_);
  }
  PeerTransport& transport() { return *transport_; }
  Clock* clock() { return &clock_; }
  const std::string& id() const { return id_; }
  v1::NodeKind kind() const { return kind_; }
  std::string incarnation() { return store_->node().identity().incarnation; }
  v1::NodeRole role() { return replica_->view().role; }

  ChosenUpstream upstream;
  std::function<void()> on_change;
  absl::Status halted;
  absl::Status failed_sync;  // where a real process ends

 private:
  testing::VirtualTime* const time_;
  testing::SimNetwork* const network_;
  const std::string id_;
  const v1::NodeKind kind_;
  const std::string site_;
  testing::VirtualClock clock_;
  storage::MemoryDisk disk_;
  storage::MemoryFileSystem files_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<testing::SimExecutor> strand_;
  std::unique_ptr<testing::SimExecutor> worker_;
  std::unique_ptr<testing::SimOffload> offload_;
  std::unique_ptr<testing::SimExecutor> feeder_;
  std::unique_ptr<testing::SimOffload> feed_offload_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<PeerTransport> transport_;
  std::unique_ptr<Replica> replica_;
};

class ReplicaTest : public ::testing::Test {
 protected:
  // `first` begins the cluster, and is whom new nodes ask.
  explicit ReplicaTest(std::string first = "p") : first_(std::move(first)), time_(7), network_(&time_, 7) {}
  ~ReplicaTest() override {
    for (auto& [id, node] : nodes_) node->Kill();
  }

  TestNode& Add(const std::string& id, v1::NodeKind kind = v1::NODE_KIND_SERVER) {
    auto& node = nodes_[id] = std::make_unique<TestNode>(&time_, &network_, id, kind, SiteOf(id));
    node->Start({first_});
    time_.RunFor(absl::Milliseconds(10));
    return *node;
  }
  TestNode& node(const std::string& id) { return *nodes_.at(id); }

  // An EPOCH record of `primary`; with `inventory` it brings every node of the test as a member.
  storage::RecordDraft EpochDraft(const std::string& primary, const std::vector<std::string>& voters,
                                  uint32_t quorum, uint64_t epoch, bool inventory,
                                  const std::vector<std::string>& strangers = {}) {
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_EPOCH;
    draft.epoch.emplace();
    draft.epoch->set_node_id(primary);
    draft.epoch->set_incarnation(node(primary).incarnation());
    draft.rule.emplace();
    for (const std::string& voter : voters) {
      draft.rule->add_voters()->set_node_id(voter);
      draft.rule->mutable_voters()->rbegin()->set_incarnation(node(voter).incarnation());
    }
    draft.rule->set_quorum(quorum);
    v1::ClusterInfo cluster;
    cluster.set_cluster_id("c1");
    cluster.set_epoch(epoch);
    cluster.set_primary_node_id(primary);
    *cluster.mutable_rule() = *draft.rule;
    AddChange(&draft, std::string(kClusterKey), ToJson(cluster));
    uint32_t next_slot = 0;
    for (auto& [id, member] : nodes_) {
      if (!inventory || std::count(strangers.begin(), strangers.end(), id) > 0) continue;
      v1::NodeInfo info;
      info.set_node_id(id);
      info.set_site(SiteOf(id));
      info.set_kind(member->kind());
      info.set_client_address(id + ":client");
      info.set_peer_address(id);
      if (member->kind() == v1::NODE_KIND_SERVER && member->is_up()) {
        info.set_slot(id == primary ? 0 : ++next_slot);
        info.set_incarnation(member->incarnation());
      }
      AddChange(&draft, NodeKey(id), ToJson(info));
    }
    return draft;
  }

  static void AddChange(storage::RecordDraft* draft, const std::string& key, const std::string& value) {
    v1::Change& change = draft->changes.emplace_back();
    change.set_key(key);
    change.set_value(value);
  }

  std::optional<absl::Status> Init(const std::vector<std::string>& voters, uint32_t quorum,
                                   const std::vector<std::string>& strangers = {}) {
    auto answer = std::make_shared<std::optional<absl::Status>>();
    node(first_).replica().InitCluster("c1", EpochDraft(first_, voters, quorum, 0, true, strangers),
                                       [answer](const absl::Status& status) { *answer = status; });
    time_.RunUntil([&] { return answer->has_value(); }, absl::Seconds(10));
    return *answer;
  }

  // As the commit path does it.
  Position Commit(const std::string& id, const std::string& key, const std::string& value) {
    storage::RecordDraft draft;
    AddChange(&draft, key, value);
    draft.commit.emplace();
    return Append(id, draft);
  }
  Position Append(const std::string& id, const storage::RecordDraft& draft) {
    EXPECT_TRUE(node(id).replica().CanAdmit().ok()) << node(id).replica().CanAdmit();
    auto batch = node(id).store().BeginBatch();
    EXPECT_TRUE(batch.ok()) << batch.status();
    auto record = (*batch)->Append(node(id).replica().epoch(), id, draft);
    EXPECT_TRUE(record.ok()) << record.status();
    EXPECT_TRUE((*batch)->Commit().ok());
    node(id).replica().OnOwnAppend();
    return (*record)->position;
  }

  bool RunUntilShown(const std::string& id, const Position& position,
                     absl::Duration limit = absl::Seconds(30)) {
    return time_.RunUntil([&] { return node(id).store().visible() == position; }, limit);
  }

  v1::EpochPromise Promise(uint64_t epoch, const std::string& candidate) {
    return PromiseFor({epoch, candidate, node(candidate).incarnation()});
  }
  absl::Status GivePromise(const std::string& voter, uint64_t epoch, const std::string& candidate) {
    v1::PromiseRequest request;
    request.set_cluster_id("c1");
    *request.mutable_promise() = Promise(epoch, candidate);
    return node(voter).replica().AcceptPromise(request).status();
  }
  void Isolate(const std::string& id) {
    for (auto& [other, unused] : nodes_) {
      if (other == id) continue;
      network_.Cut(id, other);
      network_.Cut(other, id);
      network_.Reset(id, other);
    }
  }

  // Of a node that is added.
  virtual std::string SiteOf(const std::string&) const { return "dc1"; }

  const std::string first_;
  testing::VirtualTime time_;
  testing::SimNetwork network_;
  std::map<std::string, std::unique_ptr<TestNode>> nodes_;
};

}  // namespace holdfast::replication
