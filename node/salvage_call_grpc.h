#pragma once

#include <grpcpp/client_context.h>

#include <set>
#include <string>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "holdfast/v1/salvage.pb.h"
#include "rpc/channel.h"

namespace holdfast::node {

// RegisterSalvage at the primary, over gRPC. Calls wait for their answer, so they belong on a pool; Cancel
// ends them at once, and all that come later. Any thread; `channels` must outlive this.
class SalvageCalls {
 public:
  explicit SalvageCalls(rpc::ChannelCache* channels) : channels_(channels) {}

  // Errors: those of RegisterSalvage; UNREACHABLE, DEADLINE.
  absl::Status Register(const std::string& address, const v1::RegisterSalvageRequest& request,
                        absl::Duration timeout);
  void Cancel();

 private:
  rpc::ChannelCache* const channels_;
  Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::set<grpc::ClientContext*> open_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::node
