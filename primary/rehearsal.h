#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/logging.h"
#include "holdfast/v1/readiness.pb.h"
#include "node/config_file.h"
#include "node/program.h"
#include "primary/canary.h"
#include "storage/store.h"

namespace holdfast::primary {

// The steps of one rehearsal, in order, and its end whatever has happened before. One thread, which may wait.
class Rehearsal {
 public:
  struct Options {
    storage::Store* store = nullptr;  // of the real node; these must outlive the rehearsal
    Clock* clock = nullptr;
    Logger* logger = nullptr;
    node::NodeConfig config;  // of the real node
    std::string directory;    // does not exist yet
    std::string cluster_id;   // of the rehearsal alone
    node::StartNode start_node;
    OpenCanary open_canary;
    std::function<absl::Status()> interrupted;  // why to give up now; OK to go on
    std::function<void(const std::string& step)> on_begin;
    std::function<void(v1::DrillState state, const std::string& detail)>
        on_end;  // of the step that was begun
  };

  // `drill` says whose it is; what is found out is written there.
  Rehearsal(Options options, v1::Drill* drill) : options_(std::move(options)), drill_(*drill) {}

  // All steps, `close` included: nothing is left of it afterwards.
  void Run();

 private:
  using Body = absl::StatusOr<std::string> (Rehearsal::*)();

  // False if it failed: then the later ones are left out, but for `close`.
  bool Step(const std::string& name, Body body);
  absl::StatusOr<std::string> Copy();
  absl::StatusOr<std::string> Verify();
  absl::StatusOr<std::string> Open();
  absl::StatusOr<std::string> Commit();
  absl::StatusOr<std::string> Read();
  absl::StatusOr<std::string> Close();

  storage::Store::Options CopyOptions() const;
  std::string CopyPath() const;

  const Options options_;
  v1::Drill& drill_;
  std::unique_ptr<Logger> quiet_;  // of the node that is opened
  std::unique_ptr<node::RunningNode> node_;
  std::unique_ptr<Canary> canary_;
  Revision committed_;
};

// Removes a directory and everything in it, a few levels deep. OK if there is none.
absl::Status RemoveTree(storage::FileSystem& files, const std::string& path);

}  // namespace holdfast::primary
