#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holdfast/v1/admin.pb.h"
#include "holdfast/v1/operation.pb.h"
#include "holdfast/v1/replication.pb.h"
#include "holdfast/v1/salvage.pb.h"
#include "rpc/tls_files.h"

namespace holdfast::admin {

// Asks nodes at their peer addresses. Calls wait for their answer, at most `timeout`; any thread. Errors:
// those of AdminService and ReplicationService; UNREACHABLE (detail address) for a node that cannot be had.
class NodeAdmin {
 public:
  virtual ~NodeAdmin() = default;

  virtual absl::StatusOr<v1::StatusResponse> Status(const std::string& peer_address,
                                                    absl::Duration timeout) = 0;

  // As Status, but waits for a node that is still starting.
  virtual absl::StatusOr<v1::StatusResponse> StatusOnceUp(const std::string& peer_address,
                                                          absl::Duration timeout) = 0;

  // Init and ChangeNodes change something. UNREACHABLE means that the request never left; if it left and no
  // answer settles what became of it, the error is COMMIT_UNKNOWN.
  virtual absl::StatusOr<v1::InitResponse> Init(const std::string& peer_address,
                                                const v1::InitRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ChangeNodesResponse> ChangeNodes(const std::string& peer_address,
                                                              const v1::ChangeNodesRequest& request,
                                                              absl::Duration timeout) = 0;

  // As ChangeNodes.
  virtual absl::StatusOr<v1::ChangeSpellResponse> ChangeSpell(const std::string& peer_address,
                                                              const v1::ChangeSpellRequest& request,
                                                              absl::Duration timeout) = 0;

  // What a node keeps for itself, and in no record: safe to repeat.
  virtual absl::StatusOr<v1::PointUpstreamResponse> PointUpstream(const std::string& peer_address,
                                                                  const v1::PointUpstreamRequest& request,
                                                                  absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::LendSlotResponse> LendSlot(const std::string& peer_address,
                                                        const v1::LendSlotRequest& request,
                                                        absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::TakeSlotResponse> TakeSlot(const std::string& peer_address,
                                                        const v1::TakeSlotRequest& request,
                                                        absl::Duration timeout) = 0;

  // The node leaves service, or comes back to it; waits until its watches have ended, at most the request's
  // timeout.
  virtual absl::StatusOr<v1::DrainResponse> Drain(const std::string& peer_address,
                                                  const v1::DrainRequest& request,
                                                  absl::Duration timeout) = 0;

  // The node's rating of itself, made anew.
  virtual absl::StatusOr<v1::CheckResponse> Check(const std::string& peer_address,
                                                  absl::Duration timeout) = 0;
  // A rehearsal: begins one (COMMIT_UNKNOWN as above), and how it stands.
  virtual absl::StatusOr<v1::StartDrillResponse> StartDrill(const std::string& peer_address,
                                                            const v1::StartDrillRequest& request,
                                                            absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetDrillResponse> GetDrill(const std::string& peer_address,
                                                        absl::Duration timeout) = 0;

  // `progress` is called with rows checked and their estimated total.
  virtual absl::StatusOr<v1::VerifyResult> Verify(const std::string& peer_address,
                                                  const v1::VerifyRequest& request, absl::Duration timeout,
                                                  const std::function<void(int64_t, int64_t)>& progress) = 0;

  // `each` gets the manifest, then the chunks, and ends the transfer by returning a failure.
  virtual absl::Status FetchSnapshot(
      const std::string& peer_address, const v1::FetchSnapshotRequest& request, absl::Duration timeout,
      const std::function<absl::Status(const v1::FetchSnapshotResponse&)>& each) = 0;

  // Operations: the server at this address is the candidate.
  virtual absl::StatusOr<v1::PlanOperationResponse> PlanOperation(const std::string& peer_address,
                                                                  const v1::PlanOperationRequest& request,
                                                                  absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::StartOperationResponse> StartOperation(const std::string& peer_address,
                                                                    const v1::StartOperationRequest& request,
                                                                    absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::GetOperationResponse> GetOperation(const std::string& peer_address,
                                                                const v1::GetOperationRequest& request,
                                                                absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListOperationsResponse> ListOperations(const std::string& peer_address,
                                                                    absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ResumeOperationResponse> ResumeOperation(
      const std::string& peer_address, const v1::ResumeOperationRequest& request, absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::AbortOperationResponse> AbortOperation(const std::string& peer_address,
                                                                    const v1::AbortOperationRequest& request,
                                                                    absl::Duration timeout) = 0;

  virtual absl::StatusOr<v1::RejoinResponse> Rejoin(const std::string& peer_address,
                                                    const v1::RejoinRequest& request,
                                                    absl::Duration timeout) = 0;

  // The node's salvage files, each verified by it.
  virtual absl::StatusOr<std::vector<v1::SalvageFileSummary>> ListSalvage(const std::string& peer_address,
                                                                          absl::Duration timeout) = 0;
  // `each` gets the parts of the file, and ends the transfer by returning a failure.
  virtual absl::Status ReadSalvage(const std::string& peer_address, const v1::ReadSalvageRequest& request,
                                   absl::Duration timeout,
                                   const std::function<absl::Status(v1::ReadSalvageResponse&)>& each) = 0;

  // Whether the node at this *client* address serves, by gRPC health.
  virtual bool IsServing(const std::string& client_address, absl::Duration timeout) = 0;
};

// Over gRPC. Errors: as for TLS files.
absl::StatusOr<std::unique_ptr<NodeAdmin>> MakeNodeAdmin(const rpc::TlsFiles& tls);

}  // namespace holdfast::admin
