#pragma once

#include <memory>
#include <string>

#include "client/client.h"
#include "gtest/gtest.h"
#include "tests/client/fake_transport.h"

namespace holdfast::client {

// A client that knows the nodes "a:1" and "b:1", with back-offs too short to notice.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() : random_(SeededRandom(7)) {
    Options options;
    options.endpoints = {"a:1", "b:1"};
    options.initial_backoff = absl::Microseconds(10);
    options.max_backoff = absl::Microseconds(100);
    options.random = random_.get();
    auto transport = std::make_unique<FakeTransport>();
    network_ = transport.get();
    client_ = std::move(*Client::Create(options, std::move(transport)));
  }

  static v1::GetResponse ValueAt(int64_t revision) {
    v1::GetResponse response;
    response.mutable_header()->set_revision(revision);
    response.mutable_kv()->set_value("v");
    return response;
  }
  static auto Answers(int64_t revision) {
    return [revision](const v1::GetRequest&) -> absl::StatusOr<v1::GetResponse> { return ValueAt(revision); };
  }
  template <typename Response = v1::GetResponse>
  static auto Fails(absl::Status status) {
    return [status](const auto&) -> absl::StatusOr<Response> { return status; };
  }
  absl::StatusOr<v1::GetResponse> GetKey() {
    v1::GetRequest request;
    request.set_key("k");
    return client_->Get(request);
  }

  const std::unique_ptr<Random> random_;
  FakeTransport* network_ = nullptr;  // owned by client_
  std::unique_ptr<Client> client_;
};

}  // namespace holdfast::client
