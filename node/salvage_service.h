#pragma once

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/executor.h"
#include "holdfast/v1/salvage.grpc.pb.h"
#include "node/admin_service.h"
#include "storage/file_system.h"

namespace holdfast::node {

// The gRPC face of a node's salvage files, on the peer listener. Methods are called on gRPC's threads; files
// are read on the pool, one message at a time and each only when the one before is written, so that neither a
// slow caller nor a large file holds a thread.
class SalvageServiceImpl : public v1::SalvageService::CallbackService {
 public:
  struct Options {
    storage::FileSystem* files = nullptr;  // these must outlive the service and the server it is part of
    NodeAdministration* administration = nullptr;
    Executor* strand = nullptr;
    WorkerPool* pool = nullptr;
    Clock* clock = nullptr;
    std::string data_dir;
    std::string node_id;
  };

  explicit SalvageServiceImpl(Options options) : options_(std::move(options)) {}

  grpc::ServerWriteReactor<v1::SalvageFileSummary>* ListSalvage(
      grpc::CallbackServerContext* context, const v1::ListSalvageRequest* request) override;
  grpc::ServerWriteReactor<v1::ReadSalvageResponse>* ReadSalvage(
      grpc::CallbackServerContext* context, const v1::ReadSalvageRequest* request) override;
  grpc::ServerUnaryReactor* RegisterSalvage(grpc::CallbackServerContext* context,
                                            const v1::RegisterSalvageRequest* request,
                                            v1::RegisterSalvageResponse* response) override;

 private:
  const Options options_;
};

}  // namespace holdfast::node
