#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "node/admin_service.h"
#include "node/node_runtime.h"
#include "node/node_status.h"
#include "node/operation_service.h"
#include "node/salvage_service.h"
#include "replication/replication_service.h"
#include "rpc/server.h"

namespace holdfast::node {

// The listener for peers and operators, with replication and administration behind it. Main thread.
class PeerFace {
 public:
  struct Options {
    NodeRuntime* node = nullptr;  // these must outlive the face
    NodeAdministration* administration = nullptr;
    failover::Operations* operations = nullptr;  // of a server; null at a proxy
    NodeDrills* drills = nullptr;                // likewise
    std::function<int64_t()> watches;
    std::function<int64_t()> reads;
    std::function<int64_t()> commits;
    std::function<void(absl::Duration, std::function<void(v1::DrainResponse)>)> drain;  // strand
    std::function<absl::Status()> undrain;                                              // strand
    std::function<bool()> draining;                                                     // strand
    std::function<std::optional<absl::Duration>()> spell_left;  // as in NodeStatus; may be empty
  };

  // Listens. Errors as rpc::Server::Start.
  static absl::StatusOr<std::unique_ptr<PeerFace>> Create(Options options);

  const std::string& address() const { return server_->address(); }
  // Ends calls; the strand must still run. Replication's streams must have been closed before.
  void Stop(absl::Duration grace) { server_->Shutdown(grace); }

 private:
  explicit PeerFace(Options options);

  NodeStatus status_;
  AdminServiceImpl admin_;
  SalvageServiceImpl salvage_;
  replication::ReplicationServiceImpl replication_;
  std::optional<OperationServiceImpl> operations_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace holdfast::node
