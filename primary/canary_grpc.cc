#include "primary/canary_grpc.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/poll.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace holdfast::primary {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(2);

// What a node that has just opened may say for a moment.
bool MayPass(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "UNREACHABLE" || reason == "RECOVERING" || reason == "NO_PRIMARY" ||
         reason == "NOT_INITIALIZED" || reason == "STANDBY" || reason == "COMMIT_UNKNOWN" ||
         reason == "DEADLINE";
}

class GrpcCanary : public Canary {
 public:
  GrpcCanary(const std::shared_ptr<grpc::Channel>& channel, Clock* clock, Random* random)
      : stub_(v1::ConfigService::NewStub(channel)), clock_(clock), random_(random) {}

  absl::StatusOr<Revision> Commit(const std::string& key, const std::string& value,
                                  absl::Duration patience) override {
    v1::CommitRequest request;
    request.set_request_id(NewUuid7(*clock_, *random_));  // the same for each attempt: it is committed once
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(key);
    mutation.set_put(value);
    request.set_message("rehearsal of a promotion");
    v1::CommitResponse response;
    const absl::Status status = UntilItIsOk(
        patience, [&](grpc::ClientContext* context) { return stub_->Commit(context, request, &response); });
    if (!status.ok()) return status;
    return Revision(response.revision());
  }

  absl::StatusOr<std::string> Read(const std::string& key, Revision least, absl::Duration patience) override {
    v1::GetRequest request;
    request.set_key(key);
    request.mutable_options()->set_min_revision(least.number());
    v1::GetResponse response;
    HF_RETURN_IF_ERROR(UntilItIsOk(
        patience, [&](grpc::ClientContext* context) { return stub_->Get(context, request, &response); }));
    return response.kv().value();
  }

 private:
  template <typename Call>
  absl::Status UntilItIsOk(absl::Duration patience, const Call& call) {
    absl::Status status;
    PollUntil(*clock_, patience, [&] {
      grpc::ClientContext context;
      rpc::SetTimeout(context, std::min(kCallTimeout, patience));
      status = rpc::FromGrpcStatus(call(&context));
      return status.ok() || !MayPass(status);
    });
    return status;
  }

  const std::unique_ptr<v1::ConfigService::Stub> stub_;
  Clock* const clock_;
  Random* const random_;
};

}  // namespace

OpenCanary GrpcCanaries(rpc::TlsFiles tls, std::string certified_host, Clock* clock, Random* random) {
  return [tls = std::move(tls), certified_host = std::move(certified_host), clock,
          random](const std::string& address) -> absl::StatusOr<std::unique_ptr<Canary>> {
    HF_ASSIGN_OR_RETURN(const auto channel, rpc::ChannelToOwnListener(tls, address, certified_host));
    return std::make_unique<GrpcCanary>(channel, clock, random);
  };
}

}  // namespace holdfast::primary
