#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "base/random.h"
#include "failover/operations.h"
#include "primary/administration.h"
#include "primary/commit_path.h"
#include "replication/replica.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"
#include "tests/sim/checker.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sim_serving.h"
#include "tests/sim/story.h"
#include "tests/support/sim_executor.h"
#include "tests/support/sim_network.h"
#include "tests/support/sim_offload.h"
#include "tests/support/virtual_time.h"

namespace holdfast::sim {

// What all nodes of a run share. Everything outlives the nodes.
struct World {
  explicit World(const Scenario& scenario, bool verbose);

  const Scenario scenario;
  testing::VirtualTime time;
  testing::VirtualClock client_clock;
  std::unique_ptr<Random> random;
  Story story;
  Coverage coverage;
  Violations violations;
  Checker checker;
  testing::SimNetwork network;
  // A node has written its EPOCH record.
  std::function<void(const std::string& node_id, uint64_t epoch)> on_primary;
  std::set<std::string> insisted;  // operations that an operator began with an override
  int cuts = 0;                    // of the network, now
  int promoters = 0;               // operators who promote somebody, now
};

// One machine: a disk and a clock that outlive its process, and the process with everything that a real one
// has but the listeners. The process can be stopped, killed between two steps, or cut down in the middle of a
// durable step. One thread.
class SimNode {
 public:
  // `world` must outlive the node. `seeds`: the peer addresses of its configuration file.
  SimNode(World* world, NodePlan plan, std::vector<std::string> seeds);
  ~SimNode();

  const NodePlan& plan() const { return plan_; }
  const std::string& id() const { return plan_.node_id; }

  // Opens the data directory and joins the cluster. A full disk is tried again later.
  void Start();
  // SIGTERM: the replica says goodbye, nothing is lost.
  void StopInOrder();
  // The process, or the machine, is gone this moment. What the disk keeps, `mode` and the seed decide.
  void Crash(storage::CrashMode mode, const char* why);
  // The same, `steps` durable operations from now (writes, syncs, renames).
  void CrashAtStep(int64_t steps, storage::CrashMode mode);
  // The same, within the next few steps after a durable operation on a path with `part` in it.
  void CrashNear(const std::string& part, storage::CrashMode mode);
  // The same, when the `step`-th step of an operation begins here.
  void CrashAtOperationStep(int step) { crash_at_operation_step_ = step; }
  // The process stands still.
  void PauseFor(absl::Duration span);
  // The next sync of any file fails: nobody knows what is durable, and the process ends (DESIGN 7).
  void FailNextSync();
  // Of the next operations of these kinds on the disk, one fails, and then some more of them.
  void FailDisk(std::set<storage::DiskOperation> operations, int64_t pass_count, int64_t fail_count);
  // An injected error of the disk explains what fails here now.
  bool DiskMayFail() { return disk_.counters().faults > 0 && !disarmed_; }
  // The process ends here and now, and nobody makes anything of it.
  void EndProcess(bool reset);
  // Takes an ordered crash back, and all that is wrong with the disk.
  void DisarmCrash();
  // Requires that the process is down: an empty disk.
  void Wipe();

  bool is_up() const { return process_ != nullptr && !process_->dying; }
  // Only while up.
  replication::Replica& replica() { return *process_->replica; }
  // Only servers.
  primary::CommitPath& commit_path() { return *process_->commit_path; }
  primary::Administration& administration() { return *process_->administration; }
  failover::Operations& operations() { return *process_->operations; }
  storage::Store& store() { return *process_->store; }
  SimServing& serving() { return *process_->serving; }
  replication::PeerTransport& transport() { return *process_->transport; }
  testing::SimExecutor& strand() { return process_->strand; }
  testing::SimOffload& offload() { return process_->offload; }

  storage::MemoryDisk& disk() { return disk_; }
  storage::MemoryFileSystem& files() { return files_; }
  testing::VirtualClock& clock() { return clock_; }
  double clock_rate() const { return plan_.clock_rate; }

  // The disk takes so long for each sync.
  void set_sync_time(absl::Duration sync_time) { sync_time_ = sync_time; }
  // How many processes this machine has had.
  uint64_t life() const { return life_; }

  storage::Store::Options StoreOptions();

 private:
  // In the order of construction.
  struct Process {
    explicit Process(SimNode* node);
    testing::SimExecutor strand;
    testing::SimExecutor worker;
    testing::SimOffload offload;
    std::unique_ptr<storage::Store> store;
    std::unique_ptr<storage::StoreObserver> observer;
    std::unique_ptr<replication::PeerTransport> transport;
    std::unique_ptr<replication::UpstreamPolicy> policy;
    std::unique_ptr<replication::Replica> replica;
    std::unique_ptr<SimServing> serving;
    std::unique_ptr<primary::CommitPath> commit_path;
    std::unique_ptr<primary::Administration> administration;
    std::unique_ptr<failover::Operations> operations;
    bool dying = false;
  };

  void OnDisk(storage::DiskOperation operation, absl::string_view path);
  void OnFrozen(storage::CrashMode mode);
  void OnFailedSync();
  void MakeReplica();
  void MakeServer();
  // sim_node_operations.cc
  void OnOperation(const v1::Operation& now);
  void OnEpochRecord(const v1::Operation& now);
  bool IsVoter() const;
  void MaintainLater();

  World* const world_;
  const NodePlan plan_;
  const std::vector<std::string> seeds_;
  const std::unique_ptr<Random> random_;
  testing::VirtualClock clock_;
  storage::MemoryDisk disk_;
  storage::MemoryFileSystem files_;
  absl::Duration sync_time_ = absl::Microseconds(200);
  std::string crash_near_;
  bool disarmed_ = false;            // nothing is wrong with the disk any more
  int crash_at_operation_step_ = 0;  // 0: at none
  storage::CrashMode crash_near_mode_ = storage::CrashMode::kKillProcess;
  uint64_t life_ = 0;
  std::set<std::string> opened_;  // operations whose EPOCH record is known of
  std::unique_ptr<Process> process_;
};

}  // namespace holdfast::sim
