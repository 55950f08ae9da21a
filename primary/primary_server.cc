#include "primary/primary_server.h"

#include <atomic>
#include <utility>

#include "base/status_macros.h"
#include "node/client_face.h"
#include "node/node_runtime.h"
#include "node/peer_face.h"
#include "node/version.h"
#include "primary/administration.h"
#include "primary/commit_path.h"
#include "primary/retention.h"

namespace holdfast::primary {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(5);

class PrimaryServer : public node::RunningNode, public node::NodeAdministration {
 public:
  explicit PrimaryServer(Logger* logger) : logger_(logger) {}
  ~PrimaryServer() override { Stop(); }

  absl::Status Start(const node::NodeConfig& config);

  void Stop() override;
  std::string client_address() const override { return clients_->address(); }
  std::string peer_address() const override { return peers_->address(); }

  void Init(v1::InitRequest request, absl::Duration deadline,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override {
    administration_->Init(std::move(request), deadline, std::move(done));
  }
  void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override {
    administration_->ChangeNodes(std::move(request), deadline, std::move(done));
  }

 private:
  void BuildCommitPath();
  absl::Status BuildFaces();
  void OnChange();
  void LeaveRole();

  Logger* const logger_;
  std::atomic<int64_t> commits_{0};
  std::unique_ptr<node::NodeRuntime> node_;
  std::unique_ptr<CommitPath> commit_path_;
  std::unique_ptr<Administration> administration_;
  std::unique_ptr<Retention> retention_;
  std::unique_ptr<node::ClientFace> clients_;
  std::unique_ptr<node::PeerFace> peers_;
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
  HF_RETURN_IF_ERROR(BuildFaces());
  node_->Start();
  node_->strand().RunAndWait([this] {
    OnChange();
    retention_->Start();
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
}

absl::Status PrimaryServer::BuildFaces() {
  node::ClientFace::Options clients;
  clients.node = node_.get();
  clients.commit = [this](v1::CommitRequest request, std::string principal, absl::Duration deadline,
                          CommitPath::Callback done) {
    commit_path_->Commit(std::move(request), std::move(principal), deadline,
                         [this, done = std::move(done)](absl::StatusOr<v1::CommitResponse> answer) {
                           if (answer.ok()) commits_.fetch_add(1, std::memory_order_relaxed);
                           done(std::move(answer));
                         });
  };
  HF_ASSIGN_OR_RETURN(clients_, node::ClientFace::Create(std::move(clients)));
  node::PeerFace::Options peers;
  peers.node = node_.get();
  peers.administration = this;
  peers.watches = [this] { return clients_->watches(); };
  peers.reads = [this] { return clients_->reads(); };
  peers.commits = [this] { return commits_.load(std::memory_order_relaxed); };
  peers.drain = [this](absl::Duration timeout) { return clients_->Drain(timeout); };
  HF_ASSIGN_OR_RETURN(peers_, node::PeerFace::Create(std::move(peers)));
  return absl::OkStatus();
}

void PrimaryServer::OnChange() {
  if (commit_path_ != nullptr) commit_path_->OnRoleChange();
  if (clients_ != nullptr) clients_->Refresh();
}

void PrimaryServer::LeaveRole() {
  node_->StopReplication();
  administration_->Stop();
  commit_path_->OnRoleChange();
}

void PrimaryServer::Stop() {
  if (std::exchange(stopped_, true) || node_ == nullptr) return;
  // Commits in flight get half of the grace for their voters; then they are told that the outcome is unknown.
  const Executor::TimerId leave = node_->strand().PostAfter(kDrainGrace / 2, [this] { LeaveRole(); });
  if (clients_ != nullptr) {
    clients_->Drain(kDrainGrace);
    clients_->Stop(kDrainGrace);
  }
  node_->strand().RunAndWait([this, leave] {
    node_->strand().Cancel(leave);
    LeaveRole();
  });
  if (peers_ != nullptr) peers_->Stop(kDrainGrace);
  node_->strand().RunAndWait([this] {
    retention_.reset();
    administration_.reset();
    commit_path_.reset();
  });
  node_->strand().RunAndWait([this] { clients_.reset(); });
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
