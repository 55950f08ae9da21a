#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/logging.h"
#include "base/random.h"
#include "holdfast/v1/readiness.pb.h"
#include "node/config_file.h"
#include "node/drills.h"
#include "node/program.h"
#include "primary/canary.h"
#include "replication/replica.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace holdfast::primary {

// Rehearses a promotion of this standby without touching the cluster: makes a consistent copy of its data in
// a private directory, makes the copy a cluster of its own (drill_copy.h), opens it as the primary of the
// next epoch on free ports of the loopback interface in this very process, commits a canary and reads it back
// through gRPC, and removes everything. One at a time, for kMaxDrill at most. Nothing is promised, appended
// or shown by the real node, and nothing of the rehearsal can reach another one.
//
// The result is kept in node.db, so that `check` shows it and its age. What a crash leaves behind is removed
// at the next start. A rehearsal gives way to an operation and to any other role of the node.
//
// Strand, where a method does not say otherwise; the steps are done by a thread of their own.
class Drills : public node::NodeDrills {
 public:
  static constexpr absl::Duration kMaxDrill = absl::Minutes(10);
  // Of one call to the node that was opened.
  static constexpr absl::Duration kCallPatience = absl::Seconds(30);

  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::Replica* replica = nullptr;
    storage::FileSystem* files = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    Random* random = nullptr;
    Logger* logger = nullptr;
    node::NodeConfig config;  // of the real node
    std::string version;
    node::StartNode start_node;  // opens the copy
    OpenCanary open_canary;
    std::function<bool()> operation_runs;  // an operation with this node as its candidate
    absl::Duration limit = kMaxDrill;
  };

  explicit Drills(Options options);
  ~Drills() override;  // requires StopWorker

  // Says of a rehearsal that the end of the process has interrupted that it was, and removes what is left of
  // it.
  void Start();
  // The role of the node, or an operation, may have changed.
  void OnChange();
  // Gives up what runs, and begins nothing more. Any thread; returns at once.
  void Cancel();
  // After Cancel: waits until the thread has removed everything and ended. Not on the strand, which must
  // still run what it has posted before this goes.
  void StopWorker() { worker_.Shutdown(); }

  absl::StatusOr<v1::StartDrillResponse> StartDrill(const v1::StartDrillRequest& request) override;
  v1::GetDrillResponse GetDrill() override;

 private:
  absl::Status WhyNot() const;
  std::string Directory() const;
  void Run(v1::Drill drill);  // worker
  void BeginStep(const std::string& name);
  void EndStep(v1::DrillState state, const std::string& detail);
  void Finish(v1::Drill result);
  void Log(const v1::Drill& drill);

  const Options options_;
  std::atomic<bool> cancelled_{false};  // for good
  std::atomic<bool> give_way_{false};   // what runs now
  // Strand.
  std::optional<v1::Drill> drill_;  // the one that runs, or the last one
  bool is_running_ = false;
  absl::Duration began_at_;
  absl::Duration step_at_;
  WorkerPool worker_{"drill", 1, 2};
};

}  // namespace holdfast::primary
