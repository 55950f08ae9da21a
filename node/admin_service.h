#pragma once

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "holdfast/v1/salvage.pb.h"
#include "node/drills.h"
#include "node/node_status.h"
#include "node/readiness.h"
#include "node/scrub.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::node {

// What an operator may ask a node to change. A server does it (primary/administration.h), a proxy refuses.
// Strand; `done` is called on the strand, exactly once, also when the node stops. `deadline` is SinceBoot.
class NodeAdministration {
 public:
  virtual ~NodeAdministration() = default;
  virtual void Init(v1::InitRequest request, absl::Duration deadline,
                    std::function<void(absl::StatusOr<v1::InitResponse>)> done) = 0;
  virtual void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                           std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) = 0;
  virtual void ChangeSpell(v1::ChangeSpellRequest request, absl::Duration deadline,
                           std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done) = 0;
  virtual void RegisterSalvage(v1::RegisterSalvageRequest request, absl::Duration deadline,
                               std::function<void(absl::StatusOr<v1::RegisterSalvageResponse>)> done) = 0;
};

// The gRPC face of a node for operators, on the peer listener. Methods are called on gRPC's threads and go to
// the strand, or to the pool for what reads much; nothing waits.
class AdminServiceImpl : public v1::AdminService::CallbackService {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the service and the server it is registered with
    NodeStatus* status = nullptr;
    NodeAdministration* administration = nullptr;
    Readiness* readiness = nullptr;
    Scrub* scrub = nullptr;
    NodeDrills* drills = nullptr;  // of a server; null at a proxy
    replication::Replica* replica = nullptr;
    Executor* strand = nullptr;
    WorkerPool* pool = nullptr;
    Clock* clock = nullptr;
    std::string node_id;
    // Lets the node leave service; `done` on the strand, at the latest after `timeout`. Called on the strand.
    std::function<void(absl::Duration timeout, std::function<void(v1::DrainResponse)> done)> drain;
    // Takes it back into service (ClientFace::Undrain). Called on the strand.
    std::function<absl::Status()> undrain;
  };

  explicit AdminServiceImpl(Options options) : options_(std::move(options)) {}

  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext* context, const v1::InitRequest* request,
                                 v1::InitResponse* response) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context, const v1::StatusRequest* request,
                                   v1::StatusResponse* response) override;
  grpc::ServerWriteReactor<v1::VerifyResponse>* Verify(grpc::CallbackServerContext* context,
                                                       const v1::VerifyRequest* request) override;
  grpc::ServerUnaryReactor* ChangeNodes(grpc::CallbackServerContext* context,
                                        const v1::ChangeNodesRequest* request,
                                        v1::ChangeNodesResponse* response) override;
  grpc::ServerUnaryReactor* ChangeSpell(grpc::CallbackServerContext* context,
                                        const v1::ChangeSpellRequest* request,
                                        v1::ChangeSpellResponse* response) override;
  grpc::ServerUnaryReactor* PointUpstream(grpc::CallbackServerContext* context,
                                          const v1::PointUpstreamRequest* request,
                                          v1::PointUpstreamResponse* response) override;
  grpc::ServerUnaryReactor* LendSlot(grpc::CallbackServerContext* context, const v1::LendSlotRequest* request,
                                     v1::LendSlotResponse* response) override;
  grpc::ServerUnaryReactor* TakeSlot(grpc::CallbackServerContext* context, const v1::TakeSlotRequest* request,
                                     v1::TakeSlotResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context, const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context, const v1::CheckRequest* request,
                                  v1::CheckResponse* response) override;
  grpc::ServerUnaryReactor* StartDrill(grpc::CallbackServerContext* context,
                                       const v1::StartDrillRequest* request,
                                       v1::StartDrillResponse* response) override;
  grpc::ServerUnaryReactor* GetDrill(grpc::CallbackServerContext* context, const v1::GetDrillRequest* request,
                                     v1::GetDrillResponse* response) override;

 private:
  absl::Duration DeadlineOf(grpc::CallbackServerContext& context) const;

  const Options options_;
};

}  // namespace holdfast::node
