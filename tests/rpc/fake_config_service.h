#pragma once

#include "base/error.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/call_context.h"
#include "rpc/status.h"

namespace holdfast::rpc {

// Get answers with the caller's principal as the value; the key "absent" is KEY_NOT_FOUND.
class PrincipalService : public v1::ConfigService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override {
    auto* reactor = context->DefaultReactor();
    if (request->key() == "absent") {
      reactor->Finish(ToGrpcStatus(WithDetail(
          MakeError(absl::StatusCode::kNotFound, "KEY_NOT_FOUND", "no such key"), "key", "absent")));
      return reactor;
    }
    const CallContext call = ContextOf(*context, *RealClock());
    response->mutable_kv()->set_value(call.peer.principal);
    response->mutable_kv()->set_version(call.remaining == absl::InfiniteDuration() ? 0 : 1);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace holdfast::rpc
