#include <utility>

#include "base/error.h"
#include "tests/support/sim_transport.h"

namespace holdfast::testing {

struct SimTransport::PromiseCall {
  std::shared_ptr<SimConnection> connection;
  std::function<void(absl::StatusOr<v1::PromiseResponse>)> done;
  SimExecutor* strand;
  Executor::TimerId timer = 0;

  void Finish(absl::StatusOr<v1::PromiseResponse> result) {
    if (done == nullptr) return;
    strand->Cancel(timer);
    connection->HangUp(SimConnection::kDown);
    std::exchange(done, nullptr)(std::move(result));
  }
};

void SimTransport::Promise(const std::string& address, const v1::PromiseRequest& request,
                           absl::Duration timeout,
                           std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) {
  auto call = std::make_shared<PromiseCall>();
  call->connection = network_->Connect(address_, address);
  call->done = std::move(done);
  call->strand = strand_;
  std::weak_ptr<PromiseCall> weak = call;
  call->connection->SetOnBroken(SimConnection::kDown, [weak](const absl::Status& status) {
    if (const auto alive = weak.lock()) alive->Finish(status);
  });
  call->timer = strand_->PostAfter(timeout, [call, address] {
    call->Finish(
        MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE", address + " did not answer in time"));
  });
  const auto deliver = [call, network = network_, address, request] {
    replication::PeerService* const service = network->ServiceOf(address);
    if (service == nullptr) return call->connection->Refuse();
    absl::StatusOr<v1::PromiseResponse> response = service->AcceptPromise(request);
    if (!network->IsSilent(address)) {
      network->tap_->OnPromiseAnswer(address, call->connection->host(SimConnection::kUp), response);
    }
    call->connection->Push(SimConnection::kDown,
                           [call, response = std::move(response)] { call->Finish(response); });
  };
  call->connection->Push(SimConnection::kUp, deliver);
  if (network_->Chance(network_->Link(address_, address).duplicate)) {
    call->connection->Push(SimConnection::kUp, deliver);
  }
}

}  // namespace holdfast::testing
