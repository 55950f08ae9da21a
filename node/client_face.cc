#include "node/client_face.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "base/status_macros.h"
#include "serving/errors.h"

namespace holdfast::node {
namespace {

constexpr absl::Duration kRefreshInterval = absl::Milliseconds(500);
constexpr absl::Duration kRefusalTime = absl::Milliseconds(300);

// Set once, waited for by another thread.
class Signal {
 public:
  void Set() {
    MutexLock lock(&mu_);
    set_ = true;
    changed_.NotifyAll();
  }
  void WaitFor(absl::Duration timeout) {
    MutexLock lock(&mu_);
    changed_.WaitFor(&mu_, timeout, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return set_; });
  }

 private:
  Mutex mu_;
  CondVar changed_;
  bool set_ ABSL_GUARDED_BY(mu_) = false;
};

// A drain under way: whoever comes first answers, the end of the last watch or of the time.
struct DrainCall {
  std::function<void(v1::DrainResponse)> done;
  Executor::TimerId timer = 0;
};

serving::Serving::Options ServingOptions(NodeRuntime& node) {
  serving::Serving::Options options;
  options.store = &node.store();
  options.clock = RealClock();
  options.node_id = node.config().node_id;
  options.site = node.config().site;
  options.fresh_at = [replica = &node.replica()] { return replica->FreshAt(); };
  return options;
}

}  // namespace

ClientFace::ClientFace(Options options)
    : node_(options.node),
      serving_(ServingOptions(*options.node)),
      config_({.serving = &serving_, .clock = RealClock(), .commit = std::move(options.commit)}) {}

ClientFace::~ClientFace() { node_->strand().Cancel(refresh_); }

absl::StatusOr<std::unique_ptr<ClientFace>> ClientFace::Create(Options options) {
  auto face = std::unique_ptr<ClientFace>(new ClientFace(std::move(options)));
  const NodeConfig& config = face->node_->config();
  rpc::ServerOptions server;
  server.address = config.client.listen;
  server.tls = {config.tls_ca, config.tls_cert, config.tls_key};
  server.insecure = config.insecure;
  HF_ASSIGN_OR_RETURN(face->server_, rpc::Server::Start(server, {&face->config_}));
  face->node_->strand().Post([face = face.get()] { face->RefreshLater(); });
  return face;
}

void ClientFace::RefreshLater() {
  Refresh();
  refresh_ = node_->strand().PostAfter(kRefreshInterval, [this] { RefreshLater(); });
}

void ClientFace::Refresh() {
  const serving::NodeView view = MakeView();
  server_->SetServing(!view.draining && view.halted.ok() && view.role != v1::NODE_ROLE_UNINITIALIZED &&
                      view.role != v1::NODE_ROLE_STANDBY && !node_->store().visible().revision.is_zero());
  serving_.node().Set(view);
}

serving::NodeView ClientFace::MakeView() const {
  const replication::ReplicaView replica = node_->replica().view();
  serving::NodeView view;
  view.role = replica.role;
  view.cluster_id = replica.cluster_id;
  view.primary_node_id = replica.primary_node_id;
  view.primary_client_address = replica.primary_client_address;
  if (replica.no_primary_since != absl::ZeroDuration()) {
    view.no_primary_since = RealClock()->Now() - (RealClock()->SinceBoot() - replica.no_primary_since);
  }
  view.halted = node_->halted();
  view.draining = draining_;
  view.refusing = refusing_;
  if (draining_) view.try_address = NodeToTryInstead();
  return view;
}

// Another node that serves clients: of the own site if there is one.
std::string ClientFace::NodeToTryInstead() const {
  const std::string primary = node_->replica().view().primary_node_id;
  std::string elsewhere;
  for (const v1::NodeInfo& candidate : node_->replica().nodes()) {
    const bool serves = candidate.kind() == v1::NODE_KIND_PROXY || candidate.node_id() == primary;
    if (!serves || candidate.node_id() == node_->config().node_id) continue;
    if (candidate.site() == node_->config().site) return candidate.client_address();
    elsewhere = candidate.client_address();
  }
  return elsewhere;
}

void ClientFace::BeginDrain(absl::Duration timeout, std::function<void(v1::DrainResponse)> done) {
  draining_ = true;
  Refresh();
  const int64_t before = config_.watch_count();
  const auto call = std::make_shared<DrainCall>();
  call->done = std::move(done);
  const auto answer = [strand = &node_->strand(), call, before](int64_t left) {
    if (!call->done) return;
    strand->Cancel(call->timer);
    v1::DrainResponse response;
    response.set_watches_ended(std::max<int64_t>(0, before - left));
    response.set_watches_left(left);
    std::exchange(call->done, nullptr)(std::move(response));
  };
  call->timer = node_->strand().PostAfter(timeout, [this, answer] { answer(config_.watch_count()); });
  serving_.Drain(NodeToTryInstead(),
                 [strand = &node_->strand(), answer] { strand->Post([answer] { answer(0); }); });
}

absl::Status ClientFace::Undrain() {
  if (ending_) return serving::DrainingError(NodeToTryInstead());
  if (!std::exchange(draining_, false)) return absl::OkStatus();
  serving_.Undrain();
  Refresh();
  return absl::OkStatus();
}

void ClientFace::Drain(absl::Duration timeout) {
  const auto waiter = std::make_shared<Signal>();
  node_->strand().Post([this, timeout, waiter] {
    ending_ = true;
    BeginDrain(timeout, [waiter](const v1::DrainResponse&) { waiter->Set(); });
  });
  waiter->WaitFor(timeout + kRefusalTime);
}

void ClientFace::Stop(absl::Duration grace) {
  const auto waiter = std::make_shared<Signal>();
  node_->strand().RunAndWait([this] {
    draining_ = refusing_ = ending_ = true;
    Refresh();
  });
  node_->strand().PostAfter(std::min(grace, kRefusalTime), [waiter] { waiter->Set(); });
  waiter->WaitFor(grace);
  server_->Shutdown(grace);
}

}  // namespace holdfast::node
