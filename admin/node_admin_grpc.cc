#include <utility>

#include "admin/errors.h"
#include "admin/node_admin.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "holdfast/v1/operation.grpc.pb.h"
#include "holdfast/v1/replication.grpc.pb.h"
#include "holdfast/v1/salvage.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/connect.h"
#include "rpc/errors.h"
#include "rpc/health.h"
#include "rpc/status.h"
#include "rpc/unreachable.h"

namespace holdfast::admin {
namespace {

using AdminStub = v1::AdminService::Stub;
using OperationStub = v1::OperationService::Stub;

class GrpcNodeAdmin : public NodeAdmin {
 public:
  explicit GrpcNodeAdmin(std::unique_ptr<rpc::ChannelCache> channels) : channels_(std::move(channels)) {}

  absl::StatusOr<v1::StatusResponse> Status(const std::string& address, absl::Duration timeout) override {
    return Call<v1::StatusResponse>(address, v1::StatusRequest(), timeout, false, &AdminStub::Status);
  }
  absl::StatusOr<v1::StatusResponse> StatusOnceUp(const std::string& address,
                                                  absl::Duration timeout) override {
    return Call<v1::StatusResponse>(address, v1::StatusRequest(), timeout, true, &AdminStub::Status);
  }
  absl::StatusOr<v1::InitResponse> Init(const std::string& address, const v1::InitRequest& request,
                                        absl::Duration timeout) override {
    return Change<v1::InitResponse>("the new cluster", "holdfast status", address, request, timeout,
                                    &AdminStub::Init);
  }
  absl::StatusOr<v1::ChangeNodesResponse> ChangeNodes(const std::string& address,
                                                      const v1::ChangeNodesRequest& request,
                                                      absl::Duration timeout) override {
    return Change<v1::ChangeNodesResponse>("the change of members", "holdfast nodes list", address, request,
                                           timeout, &AdminStub::ChangeNodes);
  }

  absl::StatusOr<v1::ChangeSpellResponse> ChangeSpell(const std::string& address,
                                                      const v1::ChangeSpellRequest& request,
                                                      absl::Duration timeout) override {
    return Change<v1::ChangeSpellResponse>("the change of the spell", "holdfast durability", address, request,
                                           timeout, &AdminStub::ChangeSpell);
  }
  absl::StatusOr<v1::PointUpstreamResponse> PointUpstream(const std::string& address,
                                                          const v1::PointUpstreamRequest& request,
                                                          absl::Duration timeout) override {
    return Call<v1::PointUpstreamResponse>(address, request, timeout, false, &AdminStub::PointUpstream);
  }
  absl::StatusOr<v1::LendSlotResponse> LendSlot(const std::string& address,
                                                const v1::LendSlotRequest& request,
                                                absl::Duration timeout) override {
    return Call<v1::LendSlotResponse>(address, request, timeout, false, &AdminStub::LendSlot);
  }
  absl::StatusOr<v1::TakeSlotResponse> TakeSlot(const std::string& address,
                                                const v1::TakeSlotRequest& request,
                                                absl::Duration timeout) override {
    return Call<v1::TakeSlotResponse>(address, request, timeout, false, &AdminStub::TakeSlot);
  }
  absl::StatusOr<v1::DrainResponse> Drain(const std::string& address, const v1::DrainRequest& request,
                                          absl::Duration timeout) override {
    return Call<v1::DrainResponse>(address, request, timeout, false, &AdminStub::Drain);
  }

  absl::StatusOr<v1::CheckResponse> Check(const std::string& address, absl::Duration timeout) override {
    return Call<v1::CheckResponse>(address, v1::CheckRequest(), timeout, false, &AdminStub::Check);
  }
  absl::StatusOr<v1::StartDrillResponse> StartDrill(const std::string& address,
                                                    const v1::StartDrillRequest& request,
                                                    absl::Duration timeout) override {
    return Change<v1::StartDrillResponse>("the rehearsal", "holdfast check", address, request, timeout,
                                          &AdminStub::StartDrill);
  }
  absl::StatusOr<v1::GetDrillResponse> GetDrill(const std::string& address, absl::Duration timeout) override {
    return Call<v1::GetDrillResponse>(address, v1::GetDrillRequest(), timeout, false, &AdminStub::GetDrill);
  }

  absl::StatusOr<v1::VerifyResult> Verify(const std::string& address, const v1::VerifyRequest& request,
                                          absl::Duration timeout,
                                          const std::function<void(int64_t, int64_t)>& progress) override {
    HF_ASSIGN_OR_RETURN(auto channel, channels_->Get(address));
    auto stub = v1::AdminService::NewStub(channel);
    grpc::ClientContext context;
    rpc::SetTimeout(context, timeout);
    auto reader = stub->Verify(&context, request);
    v1::VerifyResult result;
    v1::VerifyResponse response;
    while (reader->Read(&response)) {
      if (response.has_result()) result = response.result();
      progress(response.checked(), response.total());
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return Convert(status, address);
    return result;
  }

  absl::Status FetchSnapshot(
      const std::string& address, const v1::FetchSnapshotRequest& request, absl::Duration timeout,
      const std::function<absl::Status(const v1::FetchSnapshotResponse&)>& each) override {
    return Pull<v1::ReplicationService, v1::FetchSnapshotResponse>(
        address, request, timeout, &v1::ReplicationService::Stub::FetchSnapshot, each);
  }

  absl::StatusOr<std::vector<v1::SalvageFileSummary>> ListSalvage(const std::string& address,
                                                                  absl::Duration timeout) override {
    std::vector<v1::SalvageFileSummary> files;
    HF_RETURN_IF_ERROR((Pull<v1::SalvageService, v1::SalvageFileSummary>(
        address, v1::ListSalvageRequest(), timeout, &v1::SalvageService::Stub::ListSalvage,
        [&files](v1::SalvageFileSummary& file) {
          files.push_back(std::move(file));
          return absl::OkStatus();
        })));
    return files;
  }
  absl::Status ReadSalvage(const std::string& address, const v1::ReadSalvageRequest& request,
                           absl::Duration timeout,
                           const std::function<absl::Status(v1::ReadSalvageResponse&)>& each) override {
    return Pull<v1::SalvageService, v1::ReadSalvageResponse>(address, request, timeout,
                                                             &v1::SalvageService::Stub::ReadSalvage, each);
  }

  absl::StatusOr<v1::PlanOperationResponse> PlanOperation(const std::string& address,
                                                          const v1::PlanOperationRequest& request,
                                                          absl::Duration timeout) override {
    return Operate<v1::PlanOperationResponse>(address, request, timeout, &OperationStub::PlanOperation);
  }
  absl::StatusOr<v1::StartOperationResponse> StartOperation(const std::string& address,
                                                            const v1::StartOperationRequest& request,
                                                            absl::Duration timeout) override {
    return Change<v1::StartOperationResponse, v1::OperationService>(
        "the operation", "holdfast operation list", address, request, timeout,
        &OperationStub::StartOperation);
  }
  absl::StatusOr<v1::GetOperationResponse> GetOperation(const std::string& address,
                                                        const v1::GetOperationRequest& request,
                                                        absl::Duration timeout) override {
    return Operate<v1::GetOperationResponse>(address, request, timeout, &OperationStub::GetOperation);
  }
  absl::StatusOr<v1::ResumeOperationResponse> ResumeOperation(const std::string& address,
                                                              const v1::ResumeOperationRequest& request,
                                                              absl::Duration timeout) override {
    return Change<v1::ResumeOperationResponse, v1::OperationService>(
        "the word to go on", "holdfast operation list", address, request, timeout,
        &OperationStub::ResumeOperation);
  }
  absl::StatusOr<v1::AbortOperationResponse> AbortOperation(const std::string& address,
                                                            const v1::AbortOperationRequest& request,
                                                            absl::Duration timeout) override {
    return Change<v1::AbortOperationResponse, v1::OperationService>(
        "the word to give up", "holdfast operation list", address, request, timeout,
        &OperationStub::AbortOperation);
  }
  absl::StatusOr<v1::RejoinResponse> Rejoin(const std::string& address, const v1::RejoinRequest& request,
                                            absl::Duration timeout) override {
    return Change<v1::RejoinResponse, v1::OperationService>("the word to rejoin", "holdfast status", address,
                                                            request, timeout, &OperationStub::Rejoin);
  }
  absl::StatusOr<v1::ListOperationsResponse> ListOperations(const std::string& address,
                                                            absl::Duration timeout) override {
    return Operate<v1::ListOperationsResponse>(address, v1::ListOperationsRequest(), timeout,
                                               &OperationStub::ListOperations);
  }

  bool IsServing(const std::string& client_address, absl::Duration timeout) override {
    const auto channel = channels_->Get(client_address);
    return channel.ok() && rpc::ProbeHealth(*channel, timeout) == rpc::HealthAnswer::kServing;
  }

 private:
  template <typename Response, typename Service = v1::AdminService, typename Request, typename Method>
  absl::StatusOr<Response> Call(const std::string& address, const Request& request, absl::Duration timeout,
                                bool wait_until_up, Method method) {
    HF_ASSIGN_OR_RETURN(auto channel, wait_until_up ? channels_->Get(address) : Connected(address, timeout));
    return CallOn<Response, Service>(channel, address, request, timeout, wait_until_up, method);
  }

  template <typename Response, typename Service, typename Request, typename Method>
  absl::StatusOr<Response> CallOn(const std::shared_ptr<grpc::Channel>& channel, const std::string& address,
                                  const Request& request, absl::Duration timeout, bool wait_until_up,
                                  Method method) {
    const auto stub = Service::NewStub(channel);
    grpc::ClientContext context;
    context.set_wait_for_ready(wait_until_up);
    rpc::SetTimeout(context, timeout);
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return Convert(status, address);
    return response;
  }

  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connected(const std::string& address,
                                                           absl::Duration timeout) {
    return rpc::ConnectedChannel(*channels_, address, timeout, rpc::UnreachableError);
  }

  // Hands over what a node streams, until `each` fails or the stream ends.
  template <typename Service, typename Response, typename Request, typename Method, typename Each>
  absl::Status Pull(const std::string& address, const Request& request, absl::Duration timeout, Method method,
                    const Each& each) {
    HF_ASSIGN_OR_RETURN(auto channel, Connected(address, timeout));
    const auto stub = Service::NewStub(channel);
    grpc::ClientContext context;
    rpc::SetTimeout(context, timeout);
    const auto reader = (stub.get()->*method)(&context, request);
    Response response;
    absl::Status refused;
    while (refused.ok() && reader->Read(&response)) refused = each(response);
    if (!refused.ok()) context.TryCancel();
    const grpc::Status status = reader->Finish();
    return refused.ok() ? Convert(status, address) : refused;
  }

  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Operate(const std::string& address, const Request& request, absl::Duration timeout,
                                   Method method) {
    return Call<Response, v1::OperationService>(address, request, timeout, false, method);
  }

  // A call that changes something. Whether it left at all is known exactly, as for commits: only then is an
  // answer that settles nothing an unknown outcome.
  template <typename Response, typename Service = v1::AdminService, typename Request, typename Method>
  absl::StatusOr<Response> Change(absl::string_view change, absl::string_view look,
                                  const std::string& address, const Request& request, absl::Duration timeout,
                                  Method method) {
    HF_ASSIGN_OR_RETURN(auto channel, Connected(address, timeout));
    absl::StatusOr<Response> response =
        CallOn<Response, Service>(channel, address, request, timeout, false, method);
    if (response.ok() || !LeavesOpen(response.status())) return response;
    return ChangeUnknownError(change, address, look, response.status());
  }

  absl::Status Convert(const grpc::Status& status, const std::string& address) {
    const absl::Status converted = rpc::FromGrpcStatus(status);
    // With details, it is what the node says of another one.
    if (ReasonOf(converted) != "UNREACHABLE" || !DetailsOf(converted).empty()) return converted;
    return rpc::UnreachableError(address, rpc::ExplainUnreachable(status.error_message(), channels_->tls()));
  }

  const std::unique_ptr<rpc::ChannelCache> channels_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<NodeAdmin>> MakeNodeAdmin(const rpc::TlsFiles& tls) {
  HF_ASSIGN_OR_RETURN(auto channels, rpc::ChannelCache::Create(tls, rpc::ChannelUse::kPeer));
  return std::make_unique<GrpcNodeAdmin>(std::move(channels));
}

}  // namespace holdfast::admin
