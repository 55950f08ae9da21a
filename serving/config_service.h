#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "serving/serving.h"

namespace holdfast::serving {

// Judges and makes a commit that has passed ValidateCommit: primary::CommitPath::Commit. Any thread; `done`
// is called once, at the latest at `deadline` (SinceBoot), on any thread. The response's header is filled by
// the caller.
using CommitHandler =
    std::function<void(v1::CommitRequest request, std::string principal, absl::Duration deadline,
                       std::function<void(absl::StatusOr<v1::CommitResponse>)> done)>;

using ConfigServiceBase =
    v1::ConfigService::WithCallbackMethod_Get<v1::ConfigService::WithCallbackMethod_List<
        v1::ConfigService::WithCallbackMethod_Commit<v1::ConfigService::WithRawCallbackMethod_Watch<
            v1::ConfigService::WithCallbackMethod_History<v1::ConfigService::Service>>>>>;

// The gRPC face of serving, for primary and proxy alike, on the client listener. Nothing waits in here.
class ConfigServiceImpl : public ConfigServiceBase {
 public:
  struct Options {
    Serving* serving = nullptr;  // these must outlive the server that this is registered with
    Clock* clock = nullptr;
    CommitHandler commit;  // empty at a proxy: NOT_PRIMARY or NO_PRIMARY
  };

  explicit ConfigServiceImpl(Options options) : options_(std::move(options)) {}

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context, const v1::ListRequest* request,
                                 v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* Commit(grpc::CallbackServerContext* context, const v1::CommitRequest* request,
                                   v1::CommitResponse* response) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* History(grpc::CallbackServerContext* context, const v1::HistoryRequest* request,
                                    v1::HistoryResponse* response) override;

  // Reads begun since the start, and watches open now. Any thread.
  int64_t read_count() const { return read_count_.load(std::memory_order_relaxed); }
  int64_t watch_count() const { return options_.serving->watches().open_count(); }

 private:
  CallLimits LimitsOf(grpc::CallbackServerContext& context) const;

  const Options options_;
  std::atomic<int64_t> read_count_{0};
};

}  // namespace holdfast::serving
