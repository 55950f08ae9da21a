// Calls with one question and one answer.
#include <utility>

#include "base/error.h"
#include "tests/support/sim_transport.h"

namespace holdfast::testing {
namespace {

template <typename Response>
struct UnaryCall {
  std::shared_ptr<SimConnection> connection;
  std::function<void(absl::StatusOr<Response>)> done;
  SimExecutor* strand;
  Executor::TimerId timer = 0;

  void Finish(absl::StatusOr<Response> result) {
    if (done == nullptr) return;
    strand->Cancel(timer);
    connection->HangUp(SimConnection::kDown);
    std::exchange(done, nullptr)(std::move(result));
  }
};

}  // namespace

template <typename Response, typename Accept>
void SimTransport::Ask(const std::string& address, absl::Duration timeout,
                       std::function<void(absl::StatusOr<Response>)> done, Accept accept) {
  auto call = std::make_shared<UnaryCall<Response>>();
  call->connection = network_->Connect(address_, address);
  call->done = std::move(done);
  call->strand = strand_;
  std::weak_ptr<UnaryCall<Response>> weak = call;
  call->connection->SetOnBroken(SimConnection::kDown, [weak](const absl::Status& status) {
    if (const auto alive = weak.lock()) alive->Finish(status);
  });
  call->timer = strand_->PostAfter(timeout, [call, address] {
    call->Finish(
        MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE", address + " did not answer in time"));
  });
  const auto deliver = [call, network = network_, address, accept = std::move(accept)] {
    replication::PeerService* const service = network->ServiceOf(address);
    if (service == nullptr) return call->connection->Refuse();
    accept(*service, [call](absl::StatusOr<Response> response) {
      call->connection->Push(SimConnection::kDown,
                             [call, response = std::move(response)] { call->Finish(response); });
    });
  };
  call->connection->Push(SimConnection::kUp, deliver);
  if (network_->Chance(network_->Link(address_, address).duplicate))
    call->connection->Push(SimConnection::kUp, deliver);
}

void SimTransport::Promise(const std::string& address, const v1::PromiseRequest& request,
                           absl::Duration timeout,
                           std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) {
  Ask<v1::PromiseResponse>(address, timeout, std::move(done),
                           [network = network_, asker = address_, address, request](
                               replication::PeerService& service, auto answer) {
                             absl::StatusOr<v1::PromiseResponse> response = service.AcceptPromise(request);
                             if (!network->IsSilent(address))
                               network->tap_->OnPromiseAnswer(address, asker, response);
                             answer(std::move(response));
                           });
}

void SimTransport::FetchRecords(const std::string& address, const v1::FetchRecordsRequest& request,
                                absl::Duration timeout,
                                std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) {
  Ask<v1::FetchRecordsResponse>(address, timeout, std::move(done),
                                [request](replication::PeerService& service, auto answer) {
                                  service.AcceptFetchRecords(request, std::move(answer));
                                });
}

void SimTransport::Look(const std::string& address, const v1::LookRequest& request, absl::Duration timeout,
                        std::function<void(absl::StatusOr<v1::LookResponse>)> done) {
  Ask<v1::LookResponse>(address, timeout, std::move(done),
                        [request](replication::PeerService& service, auto answer) {
                          service.AcceptLook(request, std::move(answer));
                        });
}

void SimTransport::Freeze(const std::string& address, const v1::FreezeRequest& request,
                          absl::Duration timeout,
                          std::function<void(absl::StatusOr<v1::FreezeResponse>)> done) {
  Ask<v1::FreezeResponse>(
      address, timeout, std::move(done),
      [request](replication::PeerService& service, auto answer) { answer(service.AcceptFreeze(request)); });
}

}  // namespace holdfast::testing
