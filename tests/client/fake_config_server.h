#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "gtest/gtest.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/server.h"
#include "rpc/status.h"

namespace holdfast::client {

// A node on a free loopback port that answers reads and watches with one header, and commits unless it knows
// a primary.
class FakeConfigServer : public v1::ConfigService::CallbackService {
 public:
  FakeConfigServer(std::string node_id, int64_t revision, std::string primary_address = "")
      : primary_address_(std::move(primary_address)) {
    header_.set_node_id(std::move(node_id));
    header_.set_revision(revision);
    rpc::ServerOptions options;
    options.address = "127.0.0.1:0";
    auto server = rpc::Server::Start(options, {this});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = std::move(*server);
    address_ = server_->address();
  }

  const std::string& address() const { return address_; }
  void Stop() { server_.reset(); }

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest*,
                                v1::GetResponse* response) override {
    *response->mutable_header() = header_;
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  grpc::ServerUnaryReactor* Commit(grpc::CallbackServerContext* context, const v1::CommitRequest*,
                                   v1::CommitResponse* response) override {
    *response->mutable_header() = header_;
    auto* reactor = context->DefaultReactor();
    reactor->Finish(primary_address_.empty()
                        ? grpc::Status::OK
                        : rpc::ToGrpcStatus(WithDetail(MakeError(absl::StatusCode::kFailedPrecondition,
                                                                 "NOT_PRIMARY", "not the primary"),
                                                       "primary_address", primary_address_)));
    return reactor;
  }

  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                     const v1::WatchRequest*) override {
    // One message, then silence until the call is cancelled.
    class Reactor : public grpc::ServerWriteReactor<v1::WatchResponse> {
     public:
      explicit Reactor(const v1::ResponseHeader& header) {
        *message_.mutable_header() = header;
        StartWrite(&message_);
      }
      void OnCancel() override { Finish(grpc::Status::CANCELLED); }
      void OnDone() override { delete this; }

     private:
      v1::WatchResponse message_;
    };
    return new Reactor(header_);
  }

 private:
  const std::string primary_address_;
  v1::ResponseHeader header_;
  std::string address_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace holdfast::client
