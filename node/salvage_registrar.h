#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/executor.h"
#include "base/offload.h"
#include "holdfast/v1/salvage.pb.h"
#include "replication/replica.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace holdfast::node {

// Sees to it that the cluster knows of this node's salvage files: after each start, and whenever records were
// cut, it tells the primary of those that the node's own copy of the cluster's keys does not name yet, until
// it does. So a file is known once this node follows again, and stays known when the node goes away. Strand.
class SalvageRegistrar : public storage::StoreObserver {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the registrar
    storage::FileSystem* files = nullptr;
    Executor* strand = nullptr;
    Offload* offload = nullptr;
    std::string node_id;
    std::function<replication::ReplicaView()> view;  // what the replica is now
    // Asks the primary at this peer address (this node itself, if it is the primary), bounded. Called by the
    // offload; may wait. Safe to repeat.
    std::function<absl::Status(const std::string& address, const v1::RegisterSalvageRequest& request)>
        register_at;
    // A failure that will be tried again; for the log. Strand.
    std::function<void(const absl::Status&)> on_failure;
  };

  explicit SalvageRegistrar(Options options);
  ~SalvageRegistrar() override;

  // Looks now, and then every kInterval while something may be left to tell.
  void Start();
  // Nothing is begun afterwards.
  void Stop();

  void OnAppended(absl::Span<const storage::LogRecordPtr>) override {}
  void OnVisible(const Position&) override {}
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {
    is_due_ = true;
  }
  void OnReplaced(const Position&) override { is_due_ = true; }

  static constexpr absl::Duration kInterval = absl::Seconds(2);
  static constexpr int kMaxFilesPerRequest = 100;

 private:
  // What the offload found and did.
  struct Round {
    std::string cluster_id;
    std::string primary_address;
    absl::Status status;
    bool is_settled = false;  // every file is known, by this node's own copy
  };

  void Look();
  void Run(Round& round) const;  // on the offload
  absl::StatusOr<v1::RegisterSalvageRequest> Unknown() const;
  absl::StatusOr<bool> IsKnown(const std::string& file) const;
  void Finish(const Round& round);

  const Options options_;
  Executor::TimerId timer_ = 0;
  bool is_due_ = true;
  bool is_running_ = false;
};

}  // namespace holdfast::node
