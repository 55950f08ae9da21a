#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/logging.h"
#include "node/admin_service.h"
#include "node/config_file.h"
#include "node/readiness.h"
#include "node/repair_schedule.h"
#include "node/salvage_call_grpc.h"
#include "node/salvage_registrar.h"
#include "node/scrub.h"
#include "node/strand_offload.h"
#include "replication/replica.h"
#include "replication/upstream_policy.h"
#include "rpc/channel.h"
#include "storage/store.h"

namespace holdfast::node {

// The lower half of a node, primary, standby and proxy alike: its data, its strand, its replica and the
// network under it. The servers (primary/primary_server.h, proxy/proxy_server.h) build the upper half on it.
// Made, started and stopped by one thread.
class NodeRuntime {
 public:
  struct Options {
    NodeConfig config;
    v1::NodeKind kind = v1::NODE_KIND_SERVER;
    std::string version;
    Logger* logger = nullptr;         // must outlive the node
    std::function<void()> on_change;  // role, epoch, primary or rule changed; strand, from Start on
  };

  // Opens the data (a damaged one is set aside or refused: storage/data_dir.h) and builds everything without
  // starting it. Errors as Store::Open, CONFLICTING_SETTINGS if the directory belongs to another node, and
  // those of the TLS files.
  static absl::StatusOr<std::unique_ptr<NodeRuntime>> Create(Options options);
  ~NodeRuntime();

  // Begins replication and maintenance.
  void Start();
  // Ends them, once: streams are closed with a hint, nothing is admitted. Strand; it still runs (servers must
  // shut down before it ends).
  void StopReplication();
  // Ends the strand and the pools. Nothing of the node runs afterwards.
  void StopThreads();

  const NodeConfig& config() const { return options_.config; }
  storage::Store& store() { return *store_; }
  replication::Replica& replica() { return *replica_; }
  replication::PeerTransport& transport() { return *transport_; }
  ThreadExecutor& strand() { return *strand_; }
  WorkerPool& disk_pool() { return *disk_pool_; }
  // Strand; null once the threads are stopped.
  Readiness& readiness() { return *readiness_; }
  Scrub& scrub() { return *scrub_; }
  // Not OK once the replica has found its log broken: the node must serve nothing (I4). Strand.
  const absl::Status& halted() const { return halted_; }
  const std::string& version() const { return options_.version; }
  Logger& logger() { return *options_.logger; }

 private:
  explicit NodeRuntime(Options options) : options_(std::move(options)) {}

  absl::Status OpenData();
  void BuildReplica();
  void BuildSalvage();
  absl::Status BuildRating();
  void Maintain();
  void LogChange();
  void LogTrouble();
  void WarnOfPin();  // once for each time that the upstream chosen by hand feeds nobody for long
  void WarnOfWal();  // once for each time that it grows so large (DESIGN 7)
  void OnDamage(const std::string& why);
  void Repair(const std::string& why);
  void OnRepaired(const std::string& kept_as);

  const Options options_;
  std::unique_ptr<storage::Store> store_;
  std::unique_ptr<rpc::ChannelCache> channels_;
  std::unique_ptr<WorkerPool> disk_pool_;   // snapshots, verification: what may take minutes
  std::unique_ptr<WorkerPool> feed_pool_;   // what followers wait for: old records, chunks
  std::unique_ptr<WorkerPool> scrub_pool_;  // its one task takes minutes, and waits for everybody else
  std::unique_ptr<ThreadExecutor> strand_;
  std::unique_ptr<StrandOffload> offload_;
  std::unique_ptr<StrandOffload> feed_offload_;
  std::unique_ptr<StrandOffload> scrub_offload_;
  std::unique_ptr<replication::PeerTransport> transport_;
  replication::PrimaryFirst upstream_policy_;
  std::unique_ptr<replication::Replica> replica_;
  std::unique_ptr<SalvageCalls> salvage_calls_;
  std::unique_ptr<SalvageRegistrar> salvage_;  // makes this node's salvage files known to the cluster
  std::unique_ptr<Readiness> readiness_;
  std::unique_ptr<Scrub> scrub_;
  Executor::TimerId maintenance_ = 0;
  std::atomic<int> repair_count_{0};  // the strand counts; whoever meets damage asks
  // Strand.
  bool started_ = false;
  bool replicating_ = false;
  RepairSchedule repairs_;
  Executor::TimerId repair_timer_ = 0;
  absl::Status halted_;
  bool wal_is_large_ = false;
  absl::Duration pin_followed_at_;  // SinceBoot: the upstream chosen by hand fed the node, or there is none
  bool pin_is_idle_ = false;
  std::string logged_;     // the last state that was logged
  absl::Duration fed_at_;  // SinceBoot: the node had an upstream, or its want of one was logged
};

}  // namespace holdfast::node
