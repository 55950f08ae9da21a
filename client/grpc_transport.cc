#include "client/grpc_transport.h"

#include <grpc/support/time.h>

#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "client/errors.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/connect.h"
#include "rpc/status.h"

namespace holdfast::client {
namespace {

using Stub = v1::ConfigService::Stub;

absl::Status Convert(const grpc::Status& status, const std::string& address) {
  const absl::Status converted = rpc::FromGrpcStatus(status);
  return ReasonOf(converted) == "UNREACHABLE" ? WithDetail(converted, "address", address) : converted;
}

class GrpcWatchCall : public WatchCall {
 public:
  GrpcWatchCall(const std::shared_ptr<grpc::Channel>& channel, std::string address,
                const v1::WatchRequest& request)
      : address_(std::move(address)),
        stub_(v1::ConfigService::NewStub(channel)),
        reader_(stub_->Watch(&context_, request)) {}

  bool Read(v1::WatchResponse* response) override { return reader_->Read(response); }
  absl::Status Finish() override { return Convert(reader_->Finish(), address_); }
  void Cancel() override { context_.TryCancel(); }

 private:
  const std::string address_;
  grpc::ClientContext context_;
  const std::unique_ptr<Stub> stub_;
  const std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader_;
};

// A watch that could not begin.
class FailedWatchCall : public WatchCall {
 public:
  explicit FailedWatchCall(absl::Status status) : status_(std::move(status)) {}
  bool Read(v1::WatchResponse*) override { return false; }
  absl::Status Finish() override { return status_; }
  void Cancel() override {}

 private:
  const absl::Status status_;
};

class GrpcTransport : public Transport {
 public:
  explicit GrpcTransport(std::unique_ptr<rpc::ChannelCache> channels) : channels_(std::move(channels)) {}

  absl::StatusOr<v1::GetResponse> Get(const std::string& address, const v1::GetRequest& request,
                                      absl::Duration timeout) override {
    return Call<v1::GetResponse>(address, request, timeout, &Stub::Get);
  }
  absl::StatusOr<v1::ListResponse> List(const std::string& address, const v1::ListRequest& request,
                                        absl::Duration timeout) override {
    return Call<v1::ListResponse>(address, request, timeout, &Stub::List);
  }
  absl::StatusOr<v1::HistoryResponse> History(const std::string& address, const v1::HistoryRequest& request,
                                              absl::Duration timeout) override {
    return Call<v1::HistoryResponse>(address, request, timeout, &Stub::History);
  }
  absl::StatusOr<v1::CommitResponse> Commit(const std::string& address, const v1::CommitRequest& request,
                                            absl::Duration timeout) override {
    return Call<v1::CommitResponse>(address, request, timeout, &Stub::Commit);
  }

  std::unique_ptr<WatchCall> Watch(const std::string& address, const v1::WatchRequest& request) override {
    auto channel = Connected(address, rpc::kMaxConnectWait);
    if (!channel.ok()) return std::make_unique<FailedWatchCall>(channel.status());
    return std::make_unique<GrpcWatchCall>(*std::move(channel), address, request);
  }

 private:
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connected(const std::string& address,
                                                           absl::Duration timeout) {
    return rpc::ConnectedChannel(*channels_, address, timeout, NotConnectedError);
  }

  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(const std::string& address, const Request& request, absl::Duration timeout,
                                Method method) {
    HF_ASSIGN_OR_RETURN(auto channel, Connected(address, timeout));
    const std::unique_ptr<Stub> stub = v1::ConfigService::NewStub(channel);
    grpc::ClientContext context;
    rpc::SetTimeout(context, timeout);
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return Convert(status, address);
    return response;
  }

  const std::unique_ptr<rpc::ChannelCache> channels_;
};

}  // namespace

std::unique_ptr<Transport> MakeGrpcTransport(std::unique_ptr<rpc::ChannelCache> channels) {
  return std::make_unique<GrpcTransport>(std::move(channels));
}

}  // namespace holdfast::client
