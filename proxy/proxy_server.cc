#include "proxy/proxy_server.h"

#include <utility>

#include "base/status_macros.h"
#include "node/client_face.h"
#include "node/errors.h"
#include "node/node_runtime.h"
#include "node/peer_face.h"
#include "node/version.h"

namespace holdfast::proxy {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(5);

class ProxyServer : public node::RunningNode, public node::NodeAdministration {
 public:
  explicit ProxyServer(Logger* logger) : logger_(logger) {}
  ~ProxyServer() override { Stop(); }

  absl::Status Start(const node::NodeConfig& config);

  void Stop() override;
  std::string client_address() const override { return clients_->address(); }
  std::string peer_address() const override { return peers_->address(); }

  void Init(v1::InitRequest, absl::Duration,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override {
    done(Refusal());
  }
  void ChangeNodes(v1::ChangeNodesRequest, absl::Duration,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override {
    done(Refusal());
  }

 private:
  absl::Status Refusal() const;
  absl::Status BuildFaces();

  Logger* const logger_;
  std::unique_ptr<node::NodeRuntime> node_;
  std::unique_ptr<node::ClientFace> clients_;
  std::unique_ptr<node::PeerFace> peers_;
  bool stopped_ = false;
};

absl::Status ProxyServer::Start(const node::NodeConfig& config) {
  node::NodeRuntime::Options options;
  options.config = config;
  options.kind = v1::NODE_KIND_PROXY;
  options.version = node::kVersion;
  options.logger = logger_;
  options.on_change = [this] {
    if (clients_ != nullptr) clients_->Refresh();
  };
  HF_ASSIGN_OR_RETURN(node_, node::NodeRuntime::Create(std::move(options)));
  HF_RETURN_IF_ERROR(BuildFaces());
  node_->Start();
  node_->strand().RunAndWait([this] { clients_->Refresh(); });
  return absl::OkStatus();
}

absl::Status ProxyServer::BuildFaces() {
  node::ClientFace::Options clients;
  clients.node = node_.get();
  HF_ASSIGN_OR_RETURN(clients_, node::ClientFace::Create(std::move(clients)));
  node::PeerFace::Options peers;
  peers.node = node_.get();
  peers.administration = this;
  peers.watches = [this] { return clients_->watches(); };
  peers.reads = [this] { return clients_->reads(); };
  peers.commits = [] { return int64_t{0}; };
  peers.drain = [this](absl::Duration timeout) { return clients_->Drain(timeout); };
  HF_ASSIGN_OR_RETURN(peers_, node::PeerFace::Create(std::move(peers)));
  return absl::OkStatus();
}

absl::Status ProxyServer::Refusal() const {
  const replication::ReplicaView view = node_->replica().view();
  return node::AdministrationAtProxyError(view.primary_node_id, view.primary_peer_address);
}

void ProxyServer::Stop() {
  if (std::exchange(stopped_, true) || node_ == nullptr) return;
  if (clients_ != nullptr) {
    clients_->Drain(kDrainGrace);
    clients_->Stop(kDrainGrace);
  }
  node_->strand().RunAndWait([this] { node_->StopReplication(); });
  if (peers_ != nullptr) peers_->Stop(kDrainGrace);
  node_->strand().RunAndWait([this] { clients_.reset(); });
  node_->StopThreads();
}

}  // namespace

absl::StatusOr<std::unique_ptr<node::RunningNode>> StartProxyServer(const node::NodeConfig& config,
                                                                    Logger* logger) {
  auto server = std::make_unique<ProxyServer>(logger);
  HF_RETURN_IF_ERROR(server->Start(config));
  return server;
}

}  // namespace holdfast::proxy
