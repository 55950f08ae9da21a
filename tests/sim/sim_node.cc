#include "tests/sim/sim_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "replication/store_log.h"
#include "replication/upstream_policy.h"
#include "storage/errors.h"
#include "tests/sim/sim_upstream.h"

namespace holdfast::sim {
namespace {

using storage::CrashMode;
using storage::DiskOperation;

// Tells the checker what the store says.
class StoreWitness : public storage::StoreObserver {
 public:
  StoreWitness(World* world, std::string node, storage::Store* store, storage::FileSystem* files,
               const bool* dying)
      : world_(world),
        checker_(&world->checker),
        node_(std::move(node)),
        store_(store),
        files_(files),
        dying_(dying) {
    store_->AddObserver(this);
  }
  ~StoreWitness() override { store_->RemoveObserver(this); }

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override {
    if (!*dying_) checker_->OnAppended(node_, *store_, records);
  }
  void OnVisible(const Position& visible) override {
    if (!*dying_) checker_->OnVisible(node_, *store_, visible);
  }
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override {
    if (!*dying_) checker_->OnRewound(node_, *store_, *files_, ancestor, visible_before, touched_keys);
  }
  void OnReplaced(const Position& visible) override {
    if (!*dying_ && world_->promoters > 0) world_->coverage.Count("snapshots_during_a_promotion");
    if (!*dying_) checker_->OnReplaced(node_, *store_, *files_, visible);
  }

 private:
  World* const world_;
  Checker* const checker_;
  const std::string node_;
  storage::Store* const store_;
  storage::FileSystem* const files_;
  const bool* const dying_;
};

testing::VirtualClock::Options ClockOf(const NodePlan& plan, Random& random) {
  testing::VirtualClock::Options options;
  options.rate = plan.clock_rate;
  options.boot_offset = absl::Seconds(static_cast<int64_t>(random.Below(100'000)));
  options.wall_origin += absl::Milliseconds(static_cast<int64_t>(random.Below(4000)) - 2000);
  return options;
}

}  // namespace

World::World(const Scenario& s, bool verbose)
    : scenario(s),
      time(s.seed * 7 + 1),
      client_clock(&time),
      random(SeededRandom(s.seed * 7 + 2)),
      story(&time, verbose),
      violations(&story),
      checker(&time, &story, &coverage, &violations, s.takes_over),
      network(&time, s.seed * 7 + 3) {
  network.SetTap(&checker);
}

SimNode::Process::Process(SimNode* node)
    : strand(&node->world_->time, &node->clock_, node->random_.get()),
      worker(&node->world_->time, &node->clock_, node->random_.get()),
      offload(&worker, &strand, node->random_.get()) {}

SimNode::SimNode(World* world, NodePlan plan, std::vector<std::string> seeds)
    : world_(world),
      plan_(std::move(plan)),
      seeds_(std::move(seeds)),
      random_(SeededRandom(world->random->Next64())),
      clock_(&world->time, ClockOf(plan_, *random_)),
      files_(&disk_) {
  disk_.MakeDirectories("data");
  disk_.SetHook([this](DiskOperation operation, absl::string_view path) { OnDisk(operation, path); });
}

SimNode::~SimNode() { EndProcess(/*reset=*/true); }

storage::Store::Options SimNode::StoreOptions() {
  storage::Store::Options options;
  options.data_dir = "data";
  options.files = &files_;
  options.vfs = files_.sqlite_vfs();
  options.clock = &clock_;
  options.random = random_.get();
  options.reader_count = 1;
  options.log_reader_count = 1;
  options.mmap_bytes = 0;
  options.log_cache_bytes = 1 << 14;  // small: senders read the database too
  options.on_failed_sync = [this](const absl::Status&) { OnFailedSync(); };
  return options;
}

void SimNode::Start() {
  if (process_ != nullptr) return;
  ++life_;
  process_ = std::make_unique<Process>(this);
  absl::StatusOr<std::unique_ptr<storage::Store>> store = storage::Store::Open(StoreOptions());
  if (!store.ok()) {
    if (storage::IsFailedSync(store.status()) && !process_->dying) OnFailedSync();
    const std::string reason = ReasonOf(store.status());
    const bool is_expected = reason == "DISK_FULL" || (reason == "IO_ERROR" && DiskMayFail());
    if (!is_expected && !process_->dying) {
      world_->violations.Add("STORE", absl::StrCat(id(), " does not open: ", store.status().ToString()));
    }
    world_->coverage.Count("starts_refused");
    world_->story.Note(id(), absl::StrCat("cannot start: ", store.status().ToString()));
    if (!process_->dying) {
      EndProcess(/*reset=*/true);
      disk_.Crash(CrashMode::kKillProcess, *random_);
    }
    return;
  }
  process_->store = *std::move(store);
  if (!process_->dying) {
    world_->checker.OnOpened(id(), *process_->store, files_);
    world_->story.Note(id(), absl::StrCat("starts at ", process_->store->appended().ToString(), ", shows ",
                                          process_->store->visible().revision.ToString(), ", promise ",
                                          process_->store->node().promise().epoch(), " ",
                                          process_->store->node().promise().candidate_node_id()));
  }
  process_->observer =
      std::make_unique<StoreWitness>(world_, id(), process_->store.get(), &files_, &process_->dying);
  MakeReplica();
}

void SimNode::MakeReplica() {
  Process& process = *process_;
  process.transport = world_->network.Transport(id(), &process.strand);
  if (plan_.relays) {
    process.policy = std::make_unique<SimUpstream>(plan_, random_.get(), [this] { return IsVoter(); });
  } else {
    process.policy = std::make_unique<replication::PrimaryFirst>();
  }
  replication::Replica::Options options;
  options.node_id = id();
  options.site = plan_.site;
  options.kind = plan_.kind;
  options.client_address = id() + ":client";
  options.peer_address = id();
  options.seed_addresses = seeds_;
  options.version = "sim";
  options.store = process.store.get();
  options.files = &files_;
  options.strand = &process.strand;
  options.offload = &process.offload;
  options.clock = &clock_;
  options.random = random_.get();
  options.transport = process.transport.get();
  options.upstream_policy = process.policy.get();
  options.on_change = [&process] {
    if (process.commit_path != nullptr) process.commit_path->OnRoleChange();
    if (process.operations != nullptr) process.operations->OnRoleChange();
    if (process.serving != nullptr) process.serving->UpdateView();
  };
  options.on_halt = [this](const absl::Status& status) {
    if (is_up())
      world_->violations.Add("HALT", absl::StrCat(id(), " has stopped serving: ", status.ToString()));
  };
  process.replica = replication::Replica::Create(std::move(options));
  SimServing::Options serving;
  serving.time = &world_->time;
  serving.clock = &clock_;
  serving.random = random_.get();
  serving.store = process.store.get();
  serving.replica = process.replica.get();
  serving.node_id = id();
  serving.site = plan_.site;
  process.serving = std::make_unique<SimServing>(serving);
  if (plan_.kind == v1::NODE_KIND_SERVER) MakeServer();
  world_->network.Listen(id(), &process.strand, process.replica.get());
  if (process.dying) world_->network.Silence(id());
  process.strand.Post([&process] {
    process.replica->Start();
    if (process.operations != nullptr) process.operations->Start();
  });
  MaintainLater();
}

void SimNode::MakeServer() {
  Process& process = *process_;
  primary::CommitPath::Options commit;
  commit.store = process.store.get();
  commit.replica = process.replica.get();
  commit.strand = &process.strand;
  commit.clock = &clock_;
  commit.node_id = id();
  process.commit_path = primary::CommitPath::Create(commit);
  primary::Administration::Options administration;
  administration.store = process.store.get();
  administration.replica = process.replica.get();
  administration.transport = process.transport.get();
  administration.commit_path = process.commit_path.get();
  administration.strand = &process.strand;
  administration.clock = &clock_;
  administration.random = random_.get();
  administration.node_id = id();
  process.administration = primary::Administration::Create(administration);
  failover::Operations::Options operations;
  operations.store = process.store.get();
  operations.replica = process.replica.get();
  operations.transport = process.transport.get();
  operations.strand = &process.strand;
  operations.clock = &clock_;
  operations.random = random_.get();
  operations.files = &files_;
  operations.append = [&process](failover::Settlement::MakeDraft make, absl::Duration deadline) {
    process.commit_path->AppendControl(std::move(make), deadline, [](const absl::StatusOr<Revision>&) {});
  };
  operations.on_change = [this](const v1::Operation& now) { OnOperation(now); };
  process.operations = std::make_unique<failover::Operations>(std::move(operations));
}

// By the rule in force or by one that waits to be committed.
bool SimNode::IsVoter() const {
  const storage::Store& store = *process_->store;
  const replication::VoterId self{id(), process_->store->node().identity().incarnation};
  const std::vector<replication::RuleRecord> rules = replication::RulesFrom(store, store.visible().revision);
  return std::any_of(rules.begin(), rules.end(),
                     [&](const replication::RuleRecord& record) { return record.rule.HasVoter(self); });
}

void SimNode::MaintainLater() {
  process_->strand.PostAfter(absl::Milliseconds(500), [this] {
    const absl::StatusOr<bool> more = process_->store->Maintain();
    if (!more.ok()) world_->coverage.Count("maintenance_" + ReasonOf(more.status()));
    MaintainLater();
  });
}

void SimNode::EndProcess(bool reset) {
  if (process_ == nullptr) return;
  process_->dying = true;
  world_->network.Crash(id(), reset);
  process_->strand.Shutdown();
  process_->worker.Shutdown();
  if (process_->serving != nullptr) process_->serving->Shutdown();
  process_->operations.reset();
  process_->administration.reset();
  process_->commit_path.reset();
  process_->serving.reset();
  process_->replica.reset();
  process_->policy.reset();
  process_->transport.reset();
  process_->observer.reset();
  process_->store.reset();
  process_.reset();
}

}  // namespace holdfast::sim
