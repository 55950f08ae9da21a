#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <utility>

#include "absl/status/statusor.h"
#include "rpc/status.h"

namespace holdfast::rpc {

// What ends a call with one answer: fills its response, or says why there is none. To be called once, by any
// thread; both must live until then, as gRPC sees to.
template <typename Response>
std::function<void(absl::StatusOr<Response>)> Finisher(grpc::ServerUnaryReactor* reactor,
                                                       Response* response) {
  return [reactor, response](absl::StatusOr<Response> result) {
    const grpc::Status status = ToGrpcStatus(result.status());
    if (result.ok()) *response = *std::move(result);
    reactor->Finish(status);
  };
}

}  // namespace holdfast::rpc
