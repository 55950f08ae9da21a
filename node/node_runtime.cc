#include "node/node_runtime.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/poll.h"
#include "base/status_macros.h"
#include "replication/transport_grpc.h"
#include "rpc/certificate.h"
#include "storage/data_dir.h"
#include "storage/file_system.h"

namespace holdfast::node {
namespace {

constexpr int kDiskThreads = 2;
constexpr int kFeedThreads = 2;
constexpr int kMaxQueuedDiskTasks = 64;
constexpr absl::Duration kLockPatience = absl::Seconds(3);
constexpr absl::Duration kMaintenanceInterval = absl::Milliseconds(100);
// A node that nobody feeds says why, so often.
constexpr absl::Duration kTroubleInterval = absl::Seconds(10);
constexpr absl::Duration kRegisterTimeout = absl::Seconds(5);
// Certificate files are read again so often, for the rating of the node.
constexpr absl::Duration kCertificateInterval = absl::Minutes(1);
constexpr int kScrubNiceness = 10;

// What the process has read at its start, and what lies in the files now.
std::function<CertificateFacts()> CertificatesOf(const rpc::TlsFiles& files, const rpc::TlsEnds& at_start) {
  return [files, facts = CertificateFacts{at_start.certificate, at_start.authority, at_start.certificate, {}},
          read_at = -absl::InfiniteDuration()]() mutable {
    const absl::Duration now = RealClock()->SinceBoot();
    if (now - read_at < kCertificateInterval) return facts;
    read_at = now;
    const absl::StatusOr<rpc::TlsEnds> ends = rpc::ReadTlsEnds(files);
    facts.unreadable = ends.status();
    if (ends.ok()) facts.new_certificate_ends = ends->certificate;
    return facts;
  };
}

// A process that was killed lets go of its files a moment after its parent hears of it: a restart at once
// must not fail on that.
absl::StatusOr<storage::DataDirectory> OpenWhenFree(const storage::DataDirectoryOptions& options) {
  absl::StatusOr<storage::DataDirectory> directory;
  PollUntil(*options.store.clock, kLockPatience, [&] {
    directory = storage::OpenDataDirectory(options);
    return ReasonOf(directory.status()) != "DATA_DIR_LOCKED";
  });
  return directory;
}

}  // namespace

absl::StatusOr<std::unique_ptr<NodeRuntime>> NodeRuntime::Create(Options options) {
  auto node = std::unique_ptr<NodeRuntime>(new NodeRuntime(std::move(options)));
  const NodeConfig& config = node->options_.config;
  const rpc::TlsFiles tls{config.tls_ca, config.tls_cert, config.tls_key};
  HF_RETURN_IF_ERROR(rpc::CheckNodeCertificate(tls, config.node_id));
  HF_ASSIGN_OR_RETURN(node->channels_, rpc::ChannelCache::Create(tls, rpc::ChannelUse::kPeer));
  HF_RETURN_IF_ERROR(node->OpenData());
  node->BuildReplica();
  node->BuildSalvage();
  HF_RETURN_IF_ERROR(node->BuildRating());
  return node;
}

NodeRuntime::~NodeRuntime() { StopThreads(); }

absl::Status NodeRuntime::OpenData() {
  storage::FileSystem* const files = storage::PosixFileSystem();
  storage::DataDirectoryOptions options;
  options.store.data_dir = config().data_dir;
  options.store.files = files;
  options.store.vfs = files->sqlite_vfs();
  options.store.clock = RealClock();
  options.store.random = SystemRandom();
  options.node_id = config().node_id;
  options.cluster_id = config().cluster_id;
  options.is_proxy = options_.kind == v1::NODE_KIND_PROXY;
  HF_ASSIGN_OR_RETURN(storage::DataDirectory directory, OpenWhenFree(options));
  if (!directory.damage.ok()) {
    logger().Error("store", "damaged data was set aside; this node takes a new incarnation and a snapshot",
                   {{"set_aside", directory.set_aside_path}, {"damage", directory.damage.message()}});
  }
  store_ = std::move(directory.store);
  return store_->node().SetNodeId(config().node_id);
}

void NodeRuntime::BuildReplica() {
  strand_ = std::make_unique<ThreadExecutor>("core", RealClock());
  disk_pool_ = std::make_unique<WorkerPool>("disk", kDiskThreads, kMaxQueuedDiskTasks);
  offload_ = std::make_unique<StrandOffload>(disk_pool_.get(), strand_.get());
  feed_pool_ = std::make_unique<WorkerPool>("feed", kFeedThreads, kMaxQueuedDiskTasks);
  feed_offload_ = std::make_unique<StrandOffload>(feed_pool_.get(), strand_.get());
  scrub_pool_ = std::make_unique<WorkerPool>("scrub", 1, 1, kScrubNiceness);
  scrub_offload_ = std::make_unique<StrandOffload>(scrub_pool_.get(), strand_.get());
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
  options.feed_offload = feed_offload_.get();
  options.clock = RealClock();
  options.random = SystemRandom();
  options.transport = transport_.get();
  options.upstream_policy = &upstream_policy_;
  options.on_change = [this] {
    if (!started_) return;  // the upper half is not there yet; Start makes up for it
    LogChange();
    if (options_.on_change) options_.on_change();
  };
  options.on_halt = [this](const absl::Status& why) {
    halted_ = why;
    logger().Error("replica", "stopped serving", {{"reason", ReasonOf(why)}, {"error", why.message()}});
    if (started_ && options_.on_change) options_.on_change();
  };
  options.on_repaired = [this](const std::string& kept_as) { OnRepaired(kept_as); };
  // On the strand, which may have work of the replica's before Create returns.
  strand_->RunAndWait([&] { replica_ = replication::Replica::Create(std::move(options)); });
  store_->SetDamageHandler([this](const absl::Status& damage) {
    strand_->Post([this, why = std::string(damage.message()), repairs = repair_count_.load()] {
      if (repairs == repair_count_) OnDamage(why);  // else it was met in the file that is gone
    });
  });
}

void NodeRuntime::BuildSalvage() {
  salvage_calls_ = std::make_unique<SalvageCalls>(channels_.get());
  SalvageRegistrar::Options options;
  options.store = store_.get();
  options.files = storage::PosixFileSystem();
  options.strand = strand_.get();
  options.offload = offload_.get();
  options.node_id = config().node_id;
  options.view = [this] { return replica_->view(); };
  options.register_at = [this](const std::string& address, const v1::RegisterSalvageRequest& request) {
    return salvage_calls_->Register(address, request, kRegisterTimeout);
  };
  options.on_failure = [this](const absl::Status& why) {
    logger().Warning("salvage", "files are not registered yet", {{"error", why.message()}});
  };
  strand_->RunAndWait([&] { salvage_ = std::make_unique<SalvageRegistrar>(std::move(options)); });
}

absl::Status NodeRuntime::BuildRating() {
  Readiness::Options options;
  options.store = store_.get();
  options.replica = replica_.get();
  options.transport = transport_.get();
  options.files = storage::PosixFileSystem();
  options.strand = strand_.get();
  options.clock = RealClock();
  options.node_id = config().node_id;
  options.site = config().site;
  options.kind = options_.kind;
  options.version = options_.version;
  const rpc::TlsFiles tls{config().tls_ca, config().tls_cert, config().tls_key};
  if (tls.enabled()) {
    HF_ASSIGN_OR_RETURN(const rpc::TlsEnds ends, rpc::ReadTlsEnds(tls));
    options.certificates = CertificatesOf(tls, ends);
  }
  options.on_worse = [this](const v1::ReadinessItem& item) {
    logger().Warning("readiness", "got worse",
                     {{"check", item.check()},
                      {"level", v1::ReadinessLevel_Name(item.level())},
                      {"seen", item.seen()},
                      {"next", item.next_command()}});
  };
  Scrub::Options scrub;
  scrub.store = store_.get();
  scrub.strand = strand_.get();
  scrub.offload = scrub_offload_.get();
  scrub.clock = RealClock();
  scrub.pause = Pause;
  scrub.on_failure = [this](const absl::Status& why) {
    logger().Warning("scrub", "this node's data could not be verified", {{"error", why.message()}});
  };
  strand_->RunAndWait([&] {
    readiness_ = std::make_unique<Readiness>(std::move(options));
    scrub_ = std::make_unique<Scrub>(std::move(scrub));
  });
  return absl::OkStatus();
}

// I13. One repair for any number of damaged reads, as often as damage comes back.
void NodeRuntime::OnDamage(const std::string& why) {
  const std::optional<absl::Duration> wait = repairs_.OnDamage(RealClock()->SinceBoot());
  if (!wait) return;
  logger().Error("store", "met damage", {{"damage", why}, {"repair_in", absl::FormatDuration(*wait)}});
  repair_timer_ = strand_->PostAfter(*wait, [this, why] { Repair(why); });
}

void NodeRuntime::Repair(const std::string& why) {
  if (!replicating_) return;
  repairs_.Begin(RealClock()->SinceBoot());
  const absl::Status begun = replica_->Repair(why);
  if (begun.ok()) return;
  repairs_.End();
  logger().Error("store", "no repair", {{"error", begun.message()}});
}

void NodeRuntime::OnRepaired(const std::string& kept_as) {
  ++repair_count_;
  repairs_.End();
  scrub_->ForgetVerified();
  logger().Error("store", "damaged data was set aside; this node has a new incarnation and a fresh snapshot",
                 {{"set_aside", kept_as}});
}

void NodeRuntime::LogChange() {
  const replication::ReplicaView view = replica_->view();
  const std::string state = absl::StrCat(v1::NodeRole_Name(view.role), view.epoch, view.activity);
  if (state == logged_) return;
  logged_ = state;
  logger().Info("replica", "changed",
                {{"role", v1::NodeRole_Name(view.role)}, {"epoch", view.epoch}, {"activity", view.activity}});
}

void NodeRuntime::LogTrouble() {
  const replication::ReplicaView view = replica_->view();
  const absl::Duration now = RealClock()->SinceBoot();
  if (view.role == v1::NODE_ROLE_PRIMARY || view.upstream_connected) {
    fed_at_ = now;
  } else if (now - fed_at_ >= kTroubleInterval) {
    fed_at_ = now;
    logger().Warning("replica", "nobody feeds this node", {{"activity", view.activity}});
  }
}

void NodeRuntime::Start() {
  strand_->RunAndWait([this] {
    started_ = replicating_ = true;
    fed_at_ = pin_followed_at_ = RealClock()->SinceBoot();
    replica_->Start();
    salvage_->Start();
    readiness_->Start();
    scrub_->Start();
    LogChange();
    if (options_.on_change) options_.on_change();
    Maintain();
  });
}

void NodeRuntime::Maintain() {
  const absl::StatusOr<bool> more = store_->Maintain();
  if (!more.ok()) {
    logger().Warning("store", "maintenance failed", {{"error", more.status().message()}});
  }
  LogTrouble();
  WarnOfPin();
  WarnOfWal();
  const bool at_once = more.ok() && *more;
  maintenance_ =
      strand_->PostAfter(at_once ? absl::ZeroDuration() : kMaintenanceInterval, [this] { Maintain(); });
}

void NodeRuntime::WarnOfPin() {
  const replication::ReplicaView view = replica_->view();
  const absl::Duration now = RealClock()->SinceBoot();
  if (view.pinned_node_id.empty() || view.pin_followed) pin_followed_at_ = now;
  const bool is_idle = now - pin_followed_at_ >= kTroubleInterval;
  if (std::exchange(pin_is_idle_, is_idle) || !is_idle) return;
  logger().Warning("replica", "the upstream chosen by hand does not feed this node; it has chosen by itself",
                   {{"chosen", view.pinned_node_id}, {"why", view.pin_says}, {"activity", view.activity}});
}

void NodeRuntime::WarnOfWal() {
  const bool is_large = store_->wal_bytes() > kWalWarningBytes;
  if (std::exchange(wal_is_large_, is_large) || !is_large) return;
  logger().Warning("store", "the WAL has grown large",
                   {{"bytes", store_->wal_bytes()}, {"held_by", store_->wal_holder()}});
}

void NodeRuntime::StopReplication() {
  if (!std::exchange(replicating_, false)) return;
  strand_->Cancel(maintenance_);
  strand_->Cancel(repair_timer_);
  salvage_->Stop();
  salvage_calls_->Cancel();
  readiness_->Stop();
  scrub_->Stop();
  replica_->Stop();
}

void NodeRuntime::StopThreads() {
  if (strand_ == nullptr) return;
  if (salvage_calls_ != nullptr) salvage_calls_->Cancel();
  strand_->RunAndWait([this] {
    if (scrub_ != nullptr) scrub_->Stop();
  });
  // What the pools hand back goes to the strand, which must still be there to drop it.
  disk_pool_->Shutdown();
  feed_pool_->Shutdown();
  scrub_pool_->Shutdown();
  strand_->RunAndWait([this] {
    readiness_.reset();
    scrub_.reset();
    salvage_.reset();
    replica_.reset();
  });
  strand_->Shutdown();
}

}  // namespace holdfast::node
