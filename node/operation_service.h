#pragma once

#include "base/clock.h"
#include "base/executor.h"
#include "failover/operations.h"
#include "holdfast/v1/operation.grpc.pb.h"

namespace holdfast::node {

// The gRPC face of a server's operations, on the peer listener. Methods are called on gRPC's threads and go
// to the strand; nothing waits.
class OperationServiceImpl : public v1::OperationService::CallbackService {
 public:
  // All must outlive the service and the server it is registered with.
  OperationServiceImpl(failover::Operations* operations, Executor* strand, Clock* clock)
      : operations_(operations), strand_(strand), clock_(clock) {}

  grpc::ServerUnaryReactor* PlanOperation(grpc::CallbackServerContext* context,
                                          const v1::PlanOperationRequest* request,
                                          v1::PlanOperationResponse* response) override;
  grpc::ServerUnaryReactor* StartOperation(grpc::CallbackServerContext* context,
                                           const v1::StartOperationRequest* request,
                                           v1::StartOperationResponse* response) override;
  grpc::ServerUnaryReactor* GetOperation(grpc::CallbackServerContext* context,
                                         const v1::GetOperationRequest* request,
                                         v1::GetOperationResponse* response) override;
  grpc::ServerUnaryReactor* ListOperations(grpc::CallbackServerContext* context,
                                           const v1::ListOperationsRequest* request,
                                           v1::ListOperationsResponse* response) override;
  grpc::ServerUnaryReactor* ResumeOperation(grpc::CallbackServerContext* context,
                                            const v1::ResumeOperationRequest* request,
                                            v1::ResumeOperationResponse* response) override;
  grpc::ServerUnaryReactor* AbortOperation(grpc::CallbackServerContext* context,
                                           const v1::AbortOperationRequest* request,
                                           v1::AbortOperationResponse* response) override;
  grpc::ServerUnaryReactor* Rejoin(grpc::CallbackServerContext* context, const v1::RejoinRequest* request,
                                   v1::RejoinResponse* response) override;

 private:
  failover::Operations* const operations_;
  Executor* const strand_;
  Clock* const clock_;
};

}  // namespace holdfast::node
