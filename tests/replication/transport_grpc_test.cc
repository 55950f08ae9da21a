// Two replicas that speak over real connections: what the simulator's network leaves out.
#include "replication/transport_grpc.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/mutex.h"
#include "base/offload.h"
#include "replication/inventory.h"
#include "replication/replica.h"
#include "replication/replication_service.h"
#include "replication/upstream_policy.h"
#include "rpc/server.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "tests/support/refusing_peer_service.h"

namespace holdfast::replication {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

class PoolOffload : public Offload {
 public:
  explicit PoolOffload(Executor* strand) : strand_(strand) {}
  bool Run(std::function<void()> work, std::function<void()> done) override {
    return pool_.TryPost([strand = strand_, work = std::move(work), done = std::move(done)]() mutable {
      work();
      strand->Post(std::move(done));
    });
  }
  void Shutdown() { pool_.Shutdown(); }

 private:
  Executor* const strand_;
  WorkerPool pool_{"disk", 1, 64};
};

// Lets the listener take its port before the replica knows its address.
class LateService : public testing::RefusingPeerService {
 public:
  std::unique_ptr<StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) override {
    return to->AcceptFollow(std::move(stream));
  }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest& request) override {
    return to->AcceptFetchSnapshot(request);
  }
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest& request) override {
    return to->AcceptPromise(request);
  }
  PeerService* to = nullptr;
};

// Tells when the visible position has moved, and how often a snapshot took the store's place.
class Watcher : public storage::StoreObserver {
 public:
  void OnAppended(absl::Span<const storage::LogRecordPtr>) override {}
  void OnVisible(const Position& visible) override { Note(visible); }
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {}
  void OnReplaced(const Position& position) override {
    ++replacements_;
    Note(position);
  }
  int replacements() const { return replacements_; }

  bool WaitFor(const Position& position) {
    MutexLock lock(&mu_);
    return changed_.WaitFor(&mu_, kPatience,
                            [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return visible_ == position; });
  }

 private:
  void Note(const Position& position) {
    MutexLock lock(&mu_);
    visible_ = position;
    changed_.NotifyAll();
  }
  std::atomic<int> replacements_{0};
  Mutex mu_;
  CondVar changed_;
  Position visible_ ABSL_GUARDED_BY(mu_);
};

class WiredNode {
 public:
  explicit WiredNode(const std::string& id, std::vector<std::string> seeds = {})
      : files_(&disk_), strand_("core-" + id, RealClock()), offload_(&strand_), service_(&late_, &strand_) {
    EXPECT_TRUE(files_.MakeDirectories("/d").ok());
    storage::Store::Options store;
    store.data_dir = "/d";
    store.files = &files_;
    store.vfs = files_.sqlite_vfs();
    store.clock = RealClock();
    store.random = SystemRandom();
    store.mmap_bytes = 0;
    store_ = *storage::Store::Open(store);
    store_->AddObserver(&watcher_);
    channels_ = *rpc::ChannelCache::Create({}, rpc::ChannelUse::kPeer);
    transport_ = MakeGrpcTransport(channels_.get(), &strand_);
    server_ = *rpc::Server::Start({.address = "127.0.0.1:0", .tls = {}}, {&service_});
    Replica::Options options;
    options.node_id = id;
    options.peer_address = server_->address();
    options.client_address = server_->address();
    options.seed_addresses = std::move(seeds);
    options.store = store_.get();
    options.files = &files_;
    options.strand = &strand_;
    options.offload = &offload_;
    options.clock = RealClock();
    options.random = SystemRandom();
    options.transport = transport_.get();
    options.upstream_policy = &policy_;
    strand_.RunAndWait([&] {
      replica_ = Replica::Create(options);
      late_.to = replica_.get();
      replica_->Start();
    });
  }
  ~WiredNode() {
    strand_.RunAndWait([this] { replica_->Stop(); });
    server_->Shutdown(absl::ZeroDuration());
    offload_.Shutdown();
    strand_.RunAndWait([this] { replica_.reset(); });
    strand_.Shutdown();
  }

  std::string address() const { return server_->address(); }
  Replica& replica() { return *replica_; }
  storage::Store& store() { return *store_; }
  PeerTransport& transport() { return *transport_; }
  ThreadExecutor& strand() { return strand_; }
  Watcher& watcher() { return watcher_; }

 private:
  storage::MemoryDisk disk_;
  storage::MemoryFileSystem files_;
  Watcher watcher_;
  ThreadExecutor strand_;
  PoolOffload offload_;
  LateService late_;
  ReplicationServiceImpl service_;
  PrimaryFirst policy_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<rpc::ChannelCache> channels_;
  std::unique_ptr<PeerTransport> transport_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Replica> replica_;
};

void Put(storage::RecordDraft* draft, const std::string& key, const std::string& value) {
  v1::Change& change = draft->changes.emplace_back();
  change.set_key(key);
  change.set_value(value);
}

void Init(WiredNode& primary, const std::vector<std::pair<std::string, std::string>>& members) {
  primary.strand().RunAndWait([&] {
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_EPOCH;
    draft.epoch.emplace();
    draft.epoch->set_node_id("p");
    draft.epoch->set_incarnation(primary.store().node().identity().incarnation);
    draft.rule.emplace();
    v1::ClusterInfo cluster;
    cluster.set_cluster_id("c1");
    cluster.set_primary_node_id("p");
    Put(&draft, std::string(kClusterKey), ToJson(cluster));
    for (const auto& [id, address] : members) {
      v1::NodeInfo node;
      node.set_node_id(id);
      node.set_peer_address(address);
      node.set_kind(v1::NODE_KIND_SERVER);
      Put(&draft, NodeKey(id), ToJson(node));
    }
    primary.replica().InitCluster("c1", std::move(draft), [](const absl::Status&) {});
  });
}

Position Commit(WiredNode& primary, storage::RecordDraft draft) {
  Position position;
  primary.strand().RunAndWait([&] {
    auto batch = *primary.store().BeginBatch();
    const auto record = batch->Append(0, "p", draft);
    EXPECT_TRUE(record.ok()) << record.status();
    EXPECT_TRUE(batch->Commit().ok());
    primary.replica().OnOwnAppend();
    position = (*record)->position;
  });
  return position;
}

Position CommitValue(WiredNode& primary, const std::string& key, const std::string& value) {
  storage::RecordDraft draft;
  draft.commit.emplace();
  Put(&draft, key, value);
  return Commit(primary, std::move(draft));
}

absl::StatusOr<v1::PromiseResponse> Ask(WiredNode& node, const std::string& address,
                                        const v1::PromiseRequest& request) {
  struct Answer {
    Mutex mu;
    CondVar come;
    std::optional<absl::StatusOr<v1::PromiseResponse>> answer ABSL_GUARDED_BY(mu);
  };
  auto shared = std::make_shared<Answer>();
  node.strand().Post([&node, address, request, shared] {
    node.transport().Promise(address, request, absl::Seconds(5),
                             [shared](absl::StatusOr<v1::PromiseResponse> answer) {
                               MutexLock lock(&shared->mu);
                               shared->answer = std::move(answer);
                               shared->come.NotifyAll();
                             });
  });
  MutexLock lock(&shared->mu);
  const bool answered = shared->come.WaitFor(
      &shared->mu, kPatience,
      [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(shared->mu) { return shared->answer.has_value(); });
  EXPECT_TRUE(answered) << address;
  return shared->answer.value_or(absl::UnknownError("no answer"));
}

TEST(TransportGrpcTest, CarriesRecordsAndAcknowledgements) {
  WiredNode primary("p");
  WiredNode follower("s", {primary.address()});
  Init(primary, {{"p", primary.address()}, {"s", follower.address()}});
  Position last;
  for (int i = 0; i < 50; ++i) last = CommitValue(primary, "k", std::string(100'000, 'a' + i % 26));
  ASSERT_TRUE(follower.watcher().WaitFor(last)) << follower.replica().view().activity;
  EXPECT_EQ(follower.store().state_digest(), primary.store().state_digest());
  EXPECT_TRUE(follower.replica().Staleness().has_value());
}

TEST(TransportGrpcTest, CarriesASnapshotOfSeveralChunks) {
  WiredNode primary("p");
  WiredNode follower("s", {primary.address()});
  // A stranger at first: it is refused until it is a member and its records are compacted.
  Init(primary, {{"p", primary.address()}});
  for (int i = 0; i < 30; ++i) {
    std::string value;
    while (value.size() < 150'000) value += std::to_string(SystemRandom()->Next64());
    CommitValue(primary, "big" + std::to_string(i), value);
  }
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = primary.store().visible().revision;
  Commit(primary, compact);
  storage::RecordDraft member;
  member.kind = v1::RECORD_KIND_SETTINGS;
  v1::NodeInfo node;
  node.set_node_id("s");
  node.set_peer_address(follower.address());
  Put(&member, NodeKey("s"), ToJson(node));
  const Position last = Commit(primary, member);
  ASSERT_TRUE(follower.watcher().WaitFor(last)) << follower.replica().view().activity;
  EXPECT_EQ(follower.store().floor(), *compact.compact_floor);
  EXPECT_EQ(follower.watcher().replacements(), 1);  // a log that was replayed has the same floor
}

TEST(TransportGrpcTest, CarriesQuestionsAndReasons) {
  WiredNode primary("p");
  WiredNode other("s");
  Init(primary, {{"p", primary.address()}});
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  request.set_inspect(true);
  const auto answer = Ask(other, primary.address(), request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->role(), v1::NODE_ROLE_PRIMARY);
  request.set_cluster_id("c2");
  const auto refused = Ask(other, primary.address(), request);
  EXPECT_EQ(ReasonOf(refused.status()), "WRONG_CLUSTER") << refused.status();
  EXPECT_EQ(DetailOf(refused.status(), "found"), "c2");
}

TEST(TransportGrpcTest, SaysWhoCannotBeReached) {
  WiredNode node("s");
  v1::PromiseRequest request;
  request.set_inspect(true);
  std::string gone;
  {
    WiredNode other("p");
    gone = other.address();
  }
  const absl::Status unreachable = Ask(node, gone, request).status();
  EXPECT_EQ(ReasonOf(unreachable), "UNREACHABLE") << unreachable;
  EXPECT_EQ(DetailOf(unreachable, "address"), gone) << unreachable;
  const absl::Status misspelt = Ask(node, "not an address", request).status();
  EXPECT_EQ(ReasonOf(misspelt), "INVALID_REQUEST") << misspelt;
  EXPECT_EQ(DetailOf(misspelt, "field"), "address") << misspelt;
}

}  // namespace
}  // namespace holdfast::replication
