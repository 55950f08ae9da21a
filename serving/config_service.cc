#include "serving/config_service.h"

#include <utility>

#include "rpc/call_context.h"
#include "rpc/status.h"
#include "serving/commit_validation.h"
#include "serving/watch_stream_grpc.h"

namespace holdfast::serving {
namespace {

void Finish(grpc::ServerUnaryReactor* reactor, const absl::Status& status) {
  reactor->Finish(status.ok() ? grpc::Status::OK : rpc::ToGrpcStatus(status));
}

}  // namespace

CallLimits ConfigServiceImpl::LimitsOf(grpc::CallbackServerContext& context) const {
  CallLimits limits;
  const absl::Duration left = rpc::RemainingOf(context, *options_.clock);
  if (left != absl::InfiniteDuration()) limits.deadline = options_.clock->SinceBoot() + left;
  limits.cancelled = [&context] { return context.IsCancelled(); };
  return limits;
}

grpc::ServerUnaryReactor* ConfigServiceImpl::Get(grpc::CallbackServerContext* context,
                                                 const v1::GetRequest* request, v1::GetResponse* response) {
  read_count_.fetch_add(1, std::memory_order_relaxed);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.serving->reader().Get(*request, LimitsOf(*context), response,
                                 [reactor](const absl::Status& status) { Finish(reactor, status); });
  return reactor;
}

grpc::ServerUnaryReactor* ConfigServiceImpl::List(grpc::CallbackServerContext* context,
                                                  const v1::ListRequest* request,
                                                  v1::ListResponse* response) {
  read_count_.fetch_add(1, std::memory_order_relaxed);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.serving->reader().List(*request, LimitsOf(*context), response,
                                  [reactor](const absl::Status& status) { Finish(reactor, status); });
  return reactor;
}

grpc::ServerUnaryReactor* ConfigServiceImpl::History(grpc::CallbackServerContext* context,
                                                     const v1::HistoryRequest* request,
                                                     v1::HistoryResponse* response) {
  read_count_.fetch_add(1, std::memory_order_relaxed);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.serving->reader().History(*request, LimitsOf(*context), response,
                                     [reactor](const absl::Status& status) { Finish(reactor, status); });
  return reactor;
}

grpc::ServerUnaryReactor* ConfigServiceImpl::Commit(grpc::CallbackServerContext* context,
                                                    const v1::CommitRequest* request,
                                                    v1::CommitResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  absl::Status refused = options_.commit ? ValidateCommit(*request) : options_.serving->node().RefuseCommit();
  const auto deadline = CommitDeadline(options_.clock->SinceBoot(),
                                       rpc::TimeToDecide(rpc::RemainingOf(*context, *options_.clock)));
  if (refused.ok()) refused = deadline.status();
  if (!refused.ok()) {
    Finish(reactor, refused);
    return reactor;
  }
  options_.commit(*request, rpc::PrincipalOf(*context), *deadline,
                  [this, reactor, response](absl::StatusOr<v1::CommitResponse> answer) {
                    const absl::Status status = answer.status();
                    if (answer.ok()) {
                      *response = *std::move(answer);
                      options_.serving->node().FillHeader(options_.serving->admission().Look(),
                                                          response->mutable_header());
                    }
                    Finish(reactor, status);
                  });
  return reactor;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* ConfigServiceImpl::Watch(grpc::CallbackServerContext* context,
                                                                     const grpc::ByteBuffer* request) {
  return OpenWatchStream(options_.serving->watches(), options_.serving->admission(), LimitsOf(*context),
                         *request);
}

}  // namespace holdfast::serving
