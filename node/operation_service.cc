#include "node/operation_service.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "rpc/call_context.h"
#include "rpc/finisher.h"

namespace holdfast::node {
namespace {

// How long GetOperation waits for a change, if the caller does not say.
constexpr absl::Duration kMaxWait = absl::Seconds(20);

}  // namespace

grpc::ServerUnaryReactor* OperationServiceImpl::PlanOperation(grpc::CallbackServerContext* context,
                                                              const v1::PlanOperationRequest* request,
                                                              v1::PlanOperationResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post(
      [this, request, done = rpc::Finisher(reactor, response)] { operations_->Plan(*request, done); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::StartOperation(grpc::CallbackServerContext* context,
                                                               const v1::StartOperationRequest* request,
                                                               v1::StartOperationResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post(
      [this, request, done = rpc::Finisher(reactor, response)] { operations_->Begin(*request, done); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::GetOperation(grpc::CallbackServerContext* context,
                                                             const v1::GetOperationRequest* request,
                                                             v1::GetOperationResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const absl::Duration wait = std::min(kMaxWait, rpc::TimeToDecide(rpc::RemainingOf(*context, *clock_)));
  strand_->Post([this, request, deadline = clock_->SinceBoot() + wait,
                 done = rpc::Finisher(reactor, response)] { operations_->Get(*request, deadline, done); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::ListOperations(grpc::CallbackServerContext* context,
                                                               const v1::ListOperationsRequest*,
                                                               v1::ListOperationsResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post([this, done = rpc::Finisher(reactor, response)] { done(operations_->List()); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::ResumeOperation(grpc::CallbackServerContext* context,
                                                                const v1::ResumeOperationRequest* request,
                                                                v1::ResumeOperationResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post(
      [this, request, done = rpc::Finisher(reactor, response)] { done(operations_->Resume(*request)); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::AbortOperation(grpc::CallbackServerContext* context,
                                                               const v1::AbortOperationRequest* request,
                                                               v1::AbortOperationResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post(
      [this, request, done = rpc::Finisher(reactor, response)] { done(operations_->Abort(*request)); });
  return reactor;
}

grpc::ServerUnaryReactor* OperationServiceImpl::Rejoin(grpc::CallbackServerContext* context,
                                                       const v1::RejoinRequest*,
                                                       v1::RejoinResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post([this, done = rpc::Finisher(reactor, response)] { done(operations_->Rejoin()); });
  return reactor;
}

}  // namespace holdfast::node
