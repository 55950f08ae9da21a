#include "node/salvage_call_grpc.h"

#include "base/status_macros.h"
#include "holdfast/v1/salvage.grpc.pb.h"
#include "rpc/status.h"

namespace holdfast::node {

absl::Status SalvageCalls::Register(const std::string& address, const v1::RegisterSalvageRequest& request,
                                    absl::Duration timeout) {
  HF_ASSIGN_OR_RETURN(const auto channel, channels_->Get(address));
  const auto stub = v1::SalvageService::NewStub(channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, timeout);
  {
    MutexLock lock(&mu_);
    if (cancelled_) return absl::CancelledError("this node stops");
    open_.insert(&context);
  }
  v1::RegisterSalvageResponse response;
  const grpc::Status status = stub->RegisterSalvage(&context, request, &response);
  MutexLock lock(&mu_);
  open_.erase(&context);
  return rpc::FromGrpcStatus(status);
}

// TryCancel runs no reaction of ours within itself: the call is a blocking one.
void SalvageCalls::Cancel() {
  MutexLock lock(&mu_);
  cancelled_ = true;
  for (grpc::ClientContext* const context : open_) context->TryCancel();
}

}  // namespace holdfast::node
