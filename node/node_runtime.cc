#include "node/node_runtime.h"

#include <utility>

#include "base/limits.h"
#include "base/status_macros.h"
#include "replication/transport_grpc.h"
#include "storage/file_system.h"

namespace holdfast::node {
namespace {

constexpr int kDiskThreads = 2;
constexpr int kMaxQueuedDiskTasks = 64;
constexpr absl::Duration kMaintenanceInterval = absl::Milliseconds(100);

}  // namespace

absl::StatusOr<std::unique_ptr<NodeRuntime>> NodeRuntime::Create(Options options) {
  auto node = std::unique_ptr<NodeRuntime>(new NodeRuntime(std::move(options)));
  const NodeConfig& config = node->options_.config;
  const rpc::TlsFiles tls{config.tls_ca, config.tls_cert, config.tls_key};
  HF_ASSIGN_OR_RETURN(node->channels_, rpc::ChannelCache::Create(tls, rpc::ChannelUse::kPeer));
  HF_RETURN_IF_ERROR(node->OpenData());
  node->BuildReplica();
  return node;
}

NodeRuntime::~NodeRuntime() { StopThreads(); }

absl::Status NodeRuntime::OpenData() {
  storage::FileSystem* const files = storage::PosixFileSystem();
  HF_RETURN_IF_ERROR(files->MakeDirectories(config().data_dir));
  storage::Store::Options options;
  options.data_dir = config().data_dir;
  options.files = files;
  options.vfs = files->sqlite_vfs();
  options.clock = RealClock();
  options.random = SystemRandom();
  HF_ASSIGN_OR_RETURN(store_, storage::Store::Open(std::move(options)));
  return store_->node().SetNodeId(config().node_id);
}

void NodeRuntime::BuildReplica() {
  strand_ = std::make_unique<ThreadExecutor>("core", RealClock());
  disk_pool_ = std::make_unique<WorkerPool>("disk", kDiskThreads, kMaxQueuedDiskTasks);
  offload_ = std::make_unique<StrandOffload>(disk_pool_.get(), strand_.get());
  transport_ = replication::MakeGrpcTransport(channels_.get(), strand_.get());

  replication::Replica::Options options;
  options.node_id = config().node_id;
  options.site = config().site;
  options.kind = options_.kind;
  options.client_address = config().client.advertise;
  options.peer_address = config().peer.advertise;
  options.seed_addresses = config().seeds;
  options.version = options_.version;
  options.store = store_.get();
  options.files = storage::PosixFileSystem();
  options.strand = strand_.get();
  options.offload = offload_.get();
  options.clock = RealClock();
  options.random = SystemRandom();
  options.transport = transport_.get();
  options.upstream_policy = &upstream_choice_;
  options.on_change = options_.on_change;
  replica_ = replication::Replica::Create(std::move(options));
}

void NodeRuntime::Start() {
  strand_->RunAndWait([this] {
    replicating_ = true;
    replica_->Start();
    Maintain();
  });
}

void NodeRuntime::Maintain() {
  const absl::StatusOr<bool> more = store_->Maintain();
  if (!more.ok()) {
    logger().Warning("store", "maintenance failed", {{"error", more.status().message()}});
  }
  const bool at_once = more.ok() && *more;
  maintenance_ =
      strand_->PostAfter(at_once ? absl::ZeroDuration() : kMaintenanceInterval, [this] { Maintain(); });
}

void NodeRuntime::StopReplication() {
  if (!std::exchange(replicating_, false)) return;
  strand_->Cancel(maintenance_);
  replica_->Stop();
}

void NodeRuntime::StopThreads() {
  if (strand_ == nullptr) return;
  // What the disk pool hands back goes to the strand, which must still be there to drop it.
  disk_pool_->Shutdown();
  strand_->RunAndWait([this] { replica_.reset(); });
  strand_->Shutdown();
}

}  // namespace holdfast::node
