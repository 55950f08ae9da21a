#include "proxy/proxy_server.h"

#include <utility>

#include "base/status_macros.h"
#include "node/errors.h"
#include "node/faces.h"
#include "node/node_runtime.h"
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
  std::string client_address() const override { return faces_->client_address(); }
  std::string peer_address() const override { return faces_->peer_address(); }

  void Init(v1::InitRequest, absl::Duration,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override {
    done(Refusal());
  }
  void ChangeNodes(v1::ChangeNodesRequest, absl::Duration,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override {
    done(Refusal());
  }
  void ChangeSpell(v1::ChangeSpellRequest, absl::Duration,
                   std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done) override {
    done(Refusal());
  }
  void RegisterSalvage(v1::RegisterSalvageRequest, absl::Duration,
                       std::function<void(absl::StatusOr<v1::RegisterSalvageResponse>)> done) override {
    done(Refusal());
  }

 private:
  absl::Status Refusal() const;

  Logger* const logger_;
  std::unique_ptr<node::NodeRuntime> node_;
  std::unique_ptr<node::Faces> faces_;
  bool stopped_ = false;
};

absl::Status ProxyServer::Start(const node::NodeConfig& config) {
  node::NodeRuntime::Options options;
  options.config = config;
  options.kind = v1::NODE_KIND_PROXY;
  options.version = node::kVersion;
  options.logger = logger_;
  options.on_change = [this] {
    if (faces_ != nullptr) faces_->Refresh();
  };
  HF_ASSIGN_OR_RETURN(node_, node::NodeRuntime::Create(std::move(options)));
  node::Faces::Options faces;
  faces.node = node_.get();
  faces.administration = this;
  HF_ASSIGN_OR_RETURN(faces_, node::Faces::Create(std::move(faces)));
  node_->Start();
  return absl::OkStatus();
}

absl::Status ProxyServer::Refusal() const {
  const replication::ReplicaView view = node_->replica().view();
  return node::AdministrationAtProxyError(view.primary_node_id, view.primary_peer_address);
}

void ProxyServer::Stop() {
  if (std::exchange(stopped_, true) || node_ == nullptr) return;
  if (faces_ != nullptr) faces_->StopClients(kDrainGrace);
  node_->strand().RunAndWait([this] { node_->StopReplication(); });
  if (faces_ != nullptr) faces_->StopPeers(kDrainGrace);
  if (faces_ != nullptr) faces_->DropServing();
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
