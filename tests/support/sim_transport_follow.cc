#include <utility>

#include "tests/support/sim_transport.h"

namespace holdfast::testing {

using replication::StreamEnd;
using replication::StreamEvents;

// What both ends of a Follow share. The server side's listener lives here, as in the production adapter.
struct SimTransport::FollowCall {
  SimNetwork* network;
  std::shared_ptr<SimConnection> connection;
  StreamEvents<v1::FollowResponse>* client = nullptr;  // null: hears nothing any more
  std::unique_ptr<StreamEvents<v1::FollowRequest>> server;
  bool server_open = false;
  uint64_t teardown = 0;

  // Nothing that a dead machine says counts.
  bool IsHeard(SimConnection::Direction sender) const {
    return !connection->broken() && !network->IsSilent(connection->host(sender));
  }

  // The client hears the end, once.
  void CloseClient(const absl::Status& status) {
    connection->HangUp(SimConnection::kDown);
    if (client != nullptr) std::exchange(client, nullptr)->OnClosed(status);
  }

  // The server hears the end, once; its listener goes a moment later, because we may be inside it.
  static void CloseServer(const std::shared_ptr<FollowCall>& call, const absl::Status& status) {
    if (!std::exchange(call->server_open, false)) return;
    call->connection->HangUp(SimConnection::kUp);
    if (call->server != nullptr) call->server->OnClosed(status);
    ForgetServer(call);
  }

  static void ForgetServer(const std::shared_ptr<FollowCall>& call) {
    SimExecutor* const strand = call->network->StrandOf(call->connection->host(SimConnection::kDown));
    if (strand == nullptr) return;  // Crash destroys it
    strand->Post([call] {
      call->network->ForgetTeardown(call->connection->host(SimConnection::kDown), call->teardown);
      call->server.reset();
    });
  }
};

class SimTransport::FollowClientEnd : public StreamEnd<v1::FollowRequest> {
 public:
  explicit FollowClientEnd(std::shared_ptr<FollowCall> call) : call_(std::move(call)) {}
  ~FollowClientEnd() override { End(absl::CancelledError("the peer went away")); }

  void Send(v1::FollowRequest message) override {
    if (call_->client == nullptr) return;
    if (call_->IsHeard(SimConnection::kUp)) {
      call_->network->tap_->OnFollowRequest(call_->connection->host(SimConnection::kUp),
                                            call_->connection->host(SimConnection::kDown), message);
    }
    call_->connection->Push(SimConnection::kUp, [call = call_, message = std::move(message)] {
      if (call->server_open && call->server != nullptr) call->server->OnMessage(message);
    });
  }

  void Close(const absl::Status&) override { End(absl::OkStatus()); }

 private:
  void End(const absl::Status& seen_by_server) {
    if (call_->client == nullptr) return;
    call_->client = nullptr;
    call_->connection->HangUp(SimConnection::kDown);
    call_->connection->Push(SimConnection::kUp, [call = call_, seen_by_server] {
      FollowCall::CloseServer(call, seen_by_server);
    });
  }

  const std::shared_ptr<FollowCall> call_;
};

class SimTransport::FollowServerEnd : public StreamEnd<v1::FollowResponse> {
 public:
  explicit FollowServerEnd(std::shared_ptr<FollowCall> call) : call_(std::move(call)) {}
  ~FollowServerEnd() override { Close(absl::CancelledError("the upstream went away")); }

  void Send(v1::FollowResponse message) override {
    if (!call_->server_open) return;
    if (call_->IsHeard(SimConnection::kDown)) {
      call_->network->tap_->OnFollowResponse(call_->connection->host(SimConnection::kDown),
                                             call_->connection->host(SimConnection::kUp), message);
    }
    call_->connection->Push(SimConnection::kDown, [call = call_, message = std::move(message)] {
      if (call->client != nullptr) call->client->OnMessage(message);
    });
  }

  void Close(const absl::Status& status) override {
    if (!std::exchange(call_->server_open, false)) return;
    call_->connection->HangUp(SimConnection::kUp);
    if (call_->IsHeard(SimConnection::kDown)) {
      call_->network->tap_->OnClosed(call_->connection->host(SimConnection::kDown),
                                     call_->connection->host(SimConnection::kUp), status);
    }
    call_->connection->Push(SimConnection::kDown, [call = call_, status] { call->CloseClient(status); });
    FollowCall::ForgetServer(call_);
  }

 private:
  const std::shared_ptr<FollowCall> call_;
};

std::unique_ptr<StreamEnd<v1::FollowRequest>> SimTransport::Follow(const std::string& address,
                                                                   StreamEvents<v1::FollowResponse>* events) {
  auto call = std::make_shared<FollowCall>();
  call->network = network_;
  call->connection = network_->Connect(address_, address);
  call->client = events;
  // Weak: the ends own the call, and the call owns the connection.
  std::weak_ptr<FollowCall> weak = call;
  call->connection->SetOnBroken(SimConnection::kDown, [weak](const absl::Status& status) {
    if (const auto alive = weak.lock()) alive->CloseClient(status);
  });
  call->connection->SetOnBroken(SimConnection::kUp, [weak](const absl::Status& status) {
    if (const auto alive = weak.lock()) FollowCall::CloseServer(alive, status);
  });
  call->connection->Push(SimConnection::kUp, [call, network = network_, address] {
    replication::PeerService* const service = network->ServiceOf(address);
    if (service == nullptr) {
      call->connection->Refuse();
      return;
    }
    call->server_open = true;
    call->teardown = network->AddTeardown(address, [call] {
      call->server_open = false;
      call->server.reset();
    });
    call->server = service->AcceptFollow(std::make_unique<FollowServerEnd>(call));
  });
  return std::make_unique<FollowClientEnd>(std::move(call));
}

}  // namespace holdfast::testing
