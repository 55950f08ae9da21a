#include <utility>

#include "tests/support/sim_transport.h"

namespace holdfast::testing {

using replication::PeerService;
using replication::StreamEvents;

// What both ends of a FetchSnapshot share. One message goes down for each credit that came up.
struct SimTransport::SnapshotCall {
  SimNetwork* network;
  std::shared_ptr<SimConnection> connection;
  StreamEvents<v1::FetchSnapshotResponse>* client = nullptr;
  std::unique_ptr<PeerService::SnapshotSource> source;
  uint64_t teardown = 0;
  int credits = 0;
  bool busy = false;

  void CloseClient(const absl::Status& status) {
    connection->HangUp(SimConnection::kDown);
    if (client != nullptr) std::exchange(client, nullptr)->OnClosed(status);
  }

  void Forget() {
    network->ForgetTeardown(connection->host(SimConnection::kDown), teardown);
    source.reset();
  }

  // The server ends the call.
  static void Finish(const std::shared_ptr<SnapshotCall>& call, const absl::Status& status) {
    if (!call->connection->broken() &&
        !call->network->IsSilent(call->connection->host(SimConnection::kDown))) {
      call->network->tap_->OnClosed(call->connection->host(SimConnection::kDown),
                                    call->connection->host(SimConnection::kUp), status);
    }
    call->connection->Push(SimConnection::kDown, [call, status] { call->CloseClient(status); });
    call->connection->HangUp(SimConnection::kUp);
    SimExecutor* const strand = call->network->StrandOf(call->connection->host(SimConnection::kDown));
    if (strand != nullptr) strand->Post([call] { call->Forget(); });
  }

  static void Pump(const std::shared_ptr<SnapshotCall>& call) {
    if (call->source == nullptr || call->busy || call->credits == 0) return;
    call->busy = true;
    --call->credits;
    std::weak_ptr<SnapshotCall> weak = call;
    call->source->Next([weak](absl::StatusOr<std::optional<v1::FetchSnapshotResponse>> message) {
      const auto call = weak.lock();
      if (call == nullptr || call->source == nullptr) return;
      call->busy = false;
      if (!message.ok()) return Finish(call, message.status());
      if (!message->has_value()) return Finish(call, absl::OkStatus());
      SendDown(call, **std::move(message));
      Pump(call);
    });
  }

  static void SendDown(const std::shared_ptr<SnapshotCall>& call, v1::FetchSnapshotResponse message) {
    SimNetwork& network = *call->network;
    const auto& link = network.Link(call->connection->host(SimConnection::kDown),
                                    call->connection->host(SimConnection::kUp));
    if (message.has_chunk() && !message.chunk().data().empty() && network.Chance(link.alter)) {
      std::string& data = *message.mutable_chunk()->mutable_data();
      data[network.random_->Below(data.size())] ^= static_cast<char>(1 << network.random_->Below(8));
      ++network.counters_.altered_chunks;
    }
    call->connection->Push(SimConnection::kDown, [call, message = std::move(message)] {
      if (call->client != nullptr) call->client->OnMessage(message);
    });
  }
};

class SimTransport::SnapshotClientEnd : public replication::SnapshotStream {
 public:
  explicit SnapshotClientEnd(std::shared_ptr<SnapshotCall> call) : call_(std::move(call)) {}
  ~SnapshotClientEnd() override {
    if (call_->client == nullptr) return;
    call_->client = nullptr;
    call_->connection->HangUp(SimConnection::kDown);
    call_->connection->Push(SimConnection::kUp, [call = call_] {
      call->connection->HangUp(SimConnection::kUp);
      call->Forget();
    });
  }

  void Next() override {
    call_->connection->Push(SimConnection::kUp, [call = call_] {
      ++call->credits;
      SnapshotCall::Pump(call);
    });
  }

 private:
  const std::shared_ptr<SnapshotCall> call_;
};

std::unique_ptr<replication::SnapshotStream> SimTransport::FetchSnapshot(
    const std::string& address, const v1::FetchSnapshotRequest& request,
    StreamEvents<v1::FetchSnapshotResponse>* events) {
  auto call = std::make_shared<SnapshotCall>();
  call->network = network_;
  call->connection = network_->Connect(address_, address);
  call->client = events;
  std::weak_ptr<SnapshotCall> weak = call;
  call->connection->SetOnBroken(SimConnection::kDown, [weak](const absl::Status& status) {
    if (const auto alive = weak.lock()) alive->CloseClient(status);
  });
  call->connection->SetOnBroken(SimConnection::kUp, [weak](const absl::Status&) {
    if (const auto alive = weak.lock()) alive->Forget();
  });
  call->connection->Push(SimConnection::kUp, [call, network = network_, address, request] {
    PeerService* const service = network->ServiceOf(address);
    if (service == nullptr) {
      call->connection->Refuse();
      return;
    }
    auto source = service->AcceptFetchSnapshot(request);
    if (!source.ok()) return SnapshotCall::Finish(call, source.status());
    call->source = *std::move(source);
    call->teardown = network->AddTeardown(address, [call] { call->source.reset(); });
  });
  return std::make_unique<SnapshotClientEnd>(std::move(call));
}

}  // namespace holdfast::testing
