#pragma once

#include <utility>

#include "base/executor.h"
#include "holdfast/v1/replication.grpc.pb.h"
#include "replication/transport.h"

namespace holdfast::replication {

// The gRPC face of a PeerService, on the peer listener. Reactions run on gRPC's threads and go to the strand,
// where every operation of a call is begun. With TLS on, a follower's certificate must name the node that its
// hello names (PERMISSION_DENIED).
class ReplicationServiceImpl : public v1::ReplicationService::CallbackService {
 public:
  // Both must outlive the server that this is registered with; the strand must run until the server has shut
  // down.
  ReplicationServiceImpl(PeerService* peers, Executor* strand) : peers_(peers), strand_(strand) {}

  grpc::ServerBidiReactor<v1::FollowRequest, v1::FollowResponse>* Follow(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::FetchSnapshotResponse>* FetchSnapshot(
      grpc::CallbackServerContext* context, const v1::FetchSnapshotRequest* request) override;
  grpc::ServerUnaryReactor* Promise(grpc::CallbackServerContext* context, const v1::PromiseRequest* request,
                                    v1::PromiseResponse* response) override;
  grpc::ServerUnaryReactor* FetchRecords(grpc::CallbackServerContext* context,
                                         const v1::FetchRecordsRequest* request,
                                         v1::FetchRecordsResponse* response) override;
  grpc::ServerUnaryReactor* Look(grpc::CallbackServerContext* context, const v1::LookRequest* request,
                                 v1::LookResponse* response) override;

  grpc::ServerUnaryReactor* Freeze(grpc::CallbackServerContext* context, const v1::FreezeRequest* request,
                                   v1::FreezeResponse* response) override;

 private:
  PeerService* const peers_;
  Executor* const strand_;
};

}  // namespace holdfast::replication
