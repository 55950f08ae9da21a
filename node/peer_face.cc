#include "node/peer_face.h"

#include <utility>

#include "base/status_macros.h"

namespace holdfast::node {
namespace {

NodeStatus::Options StatusOptions(const PeerFace::Options& face) {
  NodeStatus::Options options;
  options.store = &face.node->store();
  options.replica = &face.node->replica();
  options.files = storage::PosixFileSystem();
  options.clock = RealClock();
  options.node_id = face.node->config().node_id;
  options.site = face.node->config().site;
  options.version = face.node->version();
  options.data_dir = face.node->config().data_dir;
  options.watches = face.watches;
  options.reads = face.reads;
  options.commits = face.commits;
  options.spell_left = face.spell_left;
  options.draining = face.draining;
  return options;
}

AdminServiceImpl::Options AdminOptions(const PeerFace::Options& face, NodeStatus* status) {
  AdminServiceImpl::Options options;
  options.store = &face.node->store();
  options.status = status;
  options.administration = face.administration;
  options.readiness = &face.node->readiness();
  options.scrub = &face.node->scrub();
  options.drills = face.drills;
  options.replica = &face.node->replica();
  options.strand = &face.node->strand();
  options.pool = &face.node->disk_pool();
  options.clock = RealClock();
  options.node_id = face.node->config().node_id;
  options.drain = face.drain;
  options.undrain = face.undrain;
  return options;
}

SalvageServiceImpl::Options SalvageOptions(const PeerFace::Options& face) {
  SalvageServiceImpl::Options options;
  options.files = storage::PosixFileSystem();
  options.administration = face.administration;
  options.strand = &face.node->strand();
  options.pool = &face.node->disk_pool();
  options.clock = RealClock();
  options.data_dir = face.node->config().data_dir;
  options.node_id = face.node->config().node_id;
  return options;
}

}  // namespace

PeerFace::PeerFace(Options options)
    : status_(StatusOptions(options)),
      admin_(AdminOptions(options, &status_)),
      salvage_(SalvageOptions(options)),
      replication_(&options.node->replica(), &options.node->strand()) {
  if (options.operations != nullptr)
    operations_.emplace(options.operations, &options.node->strand(), RealClock());
}

absl::StatusOr<std::unique_ptr<PeerFace>> PeerFace::Create(Options options) {
  const NodeConfig& config = options.node->config();
  auto face = std::unique_ptr<PeerFace>(new PeerFace(std::move(options)));
  rpc::ServerOptions server;
  server.address = config.peer.listen;
  server.tls = {config.tls_ca, config.tls_cert, config.tls_key};
  server.admit = rpc::Admit::kNodesAndOperators;
  server.insecure = config.insecure;
  std::vector<grpc::Service*> services = {&face->admin_, &face->replication_, &face->salvage_};
  if (face->operations_) services.push_back(&*face->operations_);
  HF_ASSIGN_OR_RETURN(face->server_, rpc::Server::Start(server, services));
  face->server_->SetServing(true);
  return face;
}

}  // namespace holdfast::node
