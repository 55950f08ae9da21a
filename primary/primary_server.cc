#include "primary/primary_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "failover/operations.h"
#include "node/faces.h"
#include "node/node_runtime.h"
#include "node/version.h"
#include "primary/administration.h"
#include "primary/canary_grpc.h"
#include "primary/commit_path.h"
#include "primary/drills.h"
#include "primary/retention.h"
#include "primary/salvage_register.h"
#include "primary/spell_keeper.h"
#include "rpc/address.h"

namespace holdfast::primary {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(5);

class PrimaryServer : public node::RunningNode, public node::NodeAdministration {
 public:
  explicit PrimaryServer(Logger* logger) : logger_(logger) {}
  ~PrimaryServer() override { Stop(); }

  absl::Status Start(const node::NodeConfig& config);

  void Stop() override;
  std::string client_address() const override { return faces_->client_address(); }
  std::string peer_address() const override { return faces_->peer_address(); }

  void Init(v1::InitRequest request, absl::Duration deadline,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override {
    administration_->Init(std::move(request), deadline, std::move(done));
  }
  void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override {
    administration_->ChangeNodes(std::move(request), deadline, std::move(done));
  }
  void ChangeSpell(v1::ChangeSpellRequest request, absl::Duration deadline,
                   std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done) override {
    spells_->Change(std::move(request), deadline, std::move(done));
  }
  void RegisterSalvage(v1::RegisterSalvageRequest request, absl::Duration deadline,
                       std::function<void(absl::StatusOr<v1::RegisterSalvageResponse>)> done) override;

 private:
  void BuildCommitPath();
  void BuildDrills();
  void BuildSpells();
  absl::Status BuildFaces();
  void OnChange();
  void LeaveRole();
  void LogOperation(const v1::Operation& operation);
  void LogSpell(SpellKeeper::Event event, const v1::ClusterInfo& cluster, absl::Duration left);

  Logger* const logger_;
  std::unique_ptr<node::NodeRuntime> node_;
  std::unique_ptr<CommitPath> commit_path_;
  std::unique_ptr<Administration> administration_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<SpellKeeper> spells_;
  std::unique_ptr<failover::Operations> operations_;
  std::unique_ptr<Drills> drills_;
  std::unique_ptr<node::Faces> faces_;
  bool stopped_ = false;
};

absl::Status PrimaryServer::Start(const node::NodeConfig& config) {
  node::NodeRuntime::Options options;
  options.config = config;
  options.kind = v1::NODE_KIND_SERVER;
  options.version = node::kVersion;
  options.logger = logger_;
  options.on_change = [this] { OnChange(); };
  HF_ASSIGN_OR_RETURN(node_, node::NodeRuntime::Create(std::move(options)));
  BuildCommitPath();
  BuildDrills();
  BuildSpells();
  HF_RETURN_IF_ERROR(BuildFaces());
  node_->Start();
  node_->strand().RunAndWait([this] {
    retention_->Start();
    operations_->Start();
    drills_->Start();
  });
  return absl::OkStatus();
}

void PrimaryServer::BuildCommitPath() {
  CommitPath::Options commit;
  commit.store = &node_->store();
  commit.replica = &node_->replica();
  commit.strand = &node_->strand();
  commit.clock = RealClock();
  commit.node_id = node_->config().node_id;
  commit_path_ = CommitPath::Create(std::move(commit));

  Administration::Options administration;
  administration.store = &node_->store();
  administration.replica = &node_->replica();
  administration.transport = &node_->transport();
  administration.commit_path = commit_path_.get();
  administration.strand = &node_->strand();
  administration.clock = RealClock();
  administration.random = SystemRandom();
  administration.node_id = node_->config().node_id;
  administration_ = Administration::Create(std::move(administration));

  Retention::Options retention;
  retention.store = &node_->store();
  retention.replica = &node_->replica();
  retention.commit_path = commit_path_.get();
  retention.strand = &node_->strand();
  retention.clock = RealClock();
  retention_ = std::make_unique<Retention>(retention);

  failover::Operations::Options operations;
  operations.store = &node_->store();
  operations.replica = &node_->replica();
  operations.transport = &node_->transport();
  operations.strand = &node_->strand();
  operations.clock = RealClock();
  operations.random = SystemRandom();
  operations.files = storage::PosixFileSystem();
  operations.append = [this](failover::Settlement::MakeDraft make, absl::Duration deadline) {
    commit_path_->AppendControl(std::move(make), deadline, [](const absl::StatusOr<Revision>&) {});
  };
  operations.on_change = [this](const v1::Operation& operation) {
    LogOperation(operation);
    drills_->OnChange();
  };
  operations_ = std::make_unique<failover::Operations>(std::move(operations));
}

// A rehearsal opens the copy as a whole server, of this very kind.
void PrimaryServer::BuildDrills() {
  const node::NodeConfig& config = node_->config();
  const absl::StatusOr<rpc::Address> advertised = rpc::ParseAddress(config.client.advertise);
  Drills::Options drills;
  drills.store = &node_->store();
  drills.replica = &node_->replica();
  drills.files = storage::PosixFileSystem();
  drills.strand = &node_->strand();
  drills.clock = RealClock();
  drills.random = SystemRandom();
  drills.logger = logger_;
  drills.config = config;
  drills.version = node_->version();
  drills.start_node = StartPrimaryServer;
  drills.open_canary = GrpcCanaries({config.tls_ca, config.tls_cert, config.tls_key},
                                    advertised.ok() ? advertised->host : "", RealClock(), SystemRandom());
  drills.operation_runs = [this] { return operations_->IsRunning(); };
  drills_ = std::make_unique<Drills>(std::move(drills));
}

void PrimaryServer::BuildSpells() {
  SpellKeeper::Options spells;
  spells.store = &node_->store();
  spells.replica = &node_->replica();
  spells.transport = &node_->transport();
  spells.commit_path = commit_path_.get();
  spells.strand = &node_->strand();
  spells.clock = RealClock();
  spells.node_id = node_->config().node_id;
  spells.on_event = [this](SpellKeeper::Event event, const v1::ClusterInfo& cluster, absl::Duration left) {
    LogSpell(event, cluster, left);
  };
  spells_ = std::make_unique<SpellKeeper>(std::move(spells));
}

void PrimaryServer::LogSpell(SpellKeeper::Event event, const v1::ClusterInfo& cluster, absl::Duration left) {
  const auto log = [&](absl::string_view what) {
    logger_->Warning("durability", what,
                     {{"left", absl::FormatDuration(absl::Trunc(left, absl::Seconds(1)))},
                      {"by", cluster.rule_origin().operator_name()},
                      {"reason", cluster.rule_origin().reason()}});
  };
  switch (event) {
    case SpellKeeper::Event::kBegan:
      return log("a spell of local is under way: commits are held by this node alone");
    case SpellKeeper::Event::kWarning:
      return log("the spell of local ends soon, by itself; longer: holdfast durability local --extend 1h");
    case SpellKeeper::Event::kEnding:
      return log("the time of the spell of local is over; commits need the voters again");
    case SpellKeeper::Event::kEnded:
      return log("the spell of local has ended");
    case SpellKeeper::Event::kWaitsForVoters:
      return log(
          "the end of the spell of local waits for the voters: until they hold it no commit is acknowledged");
  }
}

void PrimaryServer::RegisterSalvage(v1::RegisterSalvageRequest request, absl::Duration deadline,
                                    std::function<void(absl::StatusOr<v1::RegisterSalvageResponse>)> done) {
  commit_path_->AppendControl(
      [this, request = std::move(request)](storage::Store::Batch& batch) {
        const replication::Replica& replica = node_->replica();
        return SalvageDraft(batch, {replica.cluster(), replica.nodes(), replica.unsettled()}, request);
      },
      deadline,
      [done = std::move(done)](const absl::StatusOr<Revision>& revision) {
        if (!revision.ok()) return done(revision.status());
        v1::RegisterSalvageResponse response;
        response.set_revision(revision->number());
        done(std::move(response));
      });
}

void PrimaryServer::LogOperation(const v1::Operation& operation) {
  if (operation.steps_size() == 0) return;
  const v1::OperationStep& step = *operation.steps().rbegin();
  logger_->Info("failover", "operation",
                {{"operation", operation.operation_id()},
                 {"epoch", absl::StrCat(operation.plan().epoch())},
                 {"state", v1::OperationState_Name(operation.state())},
                 {"step", step.name()},
                 {"detail", step.detail()}});
}

absl::Status PrimaryServer::BuildFaces() {
  node::Faces::Options options;
  options.node = node_.get();
  options.administration = this;
  options.operations = operations_.get();
  options.drills = drills_.get();
  options.spell_left = [this] { return spells_->Left(); };
  options.commit = [this](v1::CommitRequest request, std::string principal, absl::Duration deadline,
                          CommitPath::Callback done) {
    commit_path_->Commit(std::move(request), std::move(principal), deadline, std::move(done));
  };
  HF_ASSIGN_OR_RETURN(faces_, node::Faces::Create(std::move(options)));
  return absl::OkStatus();
}

void PrimaryServer::OnChange() {
  if (commit_path_ != nullptr) commit_path_->OnRoleChange();
  if (operations_ != nullptr) operations_->OnRoleChange();
  if (drills_ != nullptr) drills_->OnChange();
  if (spells_ != nullptr) spells_->Look();
  if (faces_ != nullptr) faces_->Refresh();
}

void PrimaryServer::LeaveRole() {
  node_->StopReplication();
  administration_->Stop();
  spells_->Stop();
  operations_->Stop();
  commit_path_->OnRoleChange();
}

void PrimaryServer::Stop() {
  if (std::exchange(stopped_, true) || node_ == nullptr) return;
  if (drills_ != nullptr) drills_->Cancel();
  // Commits in flight get half of the grace for their voters; then they are told that the outcome is unknown.
  const Executor::TimerId leave = node_->strand().PostAfter(kDrainGrace / 2, [this] { LeaveRole(); });
  if (faces_ != nullptr) faces_->StopClients(kDrainGrace);
  node_->strand().RunAndWait([this, leave] {
    node_->strand().Cancel(leave);
    LeaveRole();
  });
  if (faces_ != nullptr) faces_->StopPeers(kDrainGrace);
  if (drills_ != nullptr) drills_->StopWorker();
  node_->strand().RunAndWait([this] {
    drills_.reset();
    retention_.reset();
    spells_.reset();
    administration_.reset();
    commit_path_.reset();
  });
  if (faces_ != nullptr) faces_->DropServing();
  node_->StopThreads();
}

}  // namespace

absl::StatusOr<std::unique_ptr<node::RunningNode>> StartPrimaryServer(const node::NodeConfig& config,
                                                                      Logger* logger) {
  auto server = std::make_unique<PrimaryServer>(logger);
  HF_RETURN_IF_ERROR(server->Start(config));
  return server;
}

}  // namespace holdfast::primary
