#pragma once

#include <functional>
#include <memory>
#include <string>

#include "replication/transport.h"
#include "tests/support/sim_network.h"

namespace holdfast::testing {

// The calls of one host over a SimNetwork: what the gRPC transport is in production. One thread.
class SimTransport : public replication::PeerTransport {
 public:
  // All must outlive the transport.
  SimTransport(SimNetwork* network, VirtualTime* time, std::string address, SimExecutor* strand)
      : network_(network), time_(time), address_(std::move(address)), strand_(strand) {}

  std::unique_ptr<replication::StreamEnd<v1::FollowRequest>> Follow(
      const std::string& address, replication::StreamEvents<v1::FollowResponse>* events) override;
  std::unique_ptr<replication::SnapshotStream> FetchSnapshot(
      const std::string& address, const v1::FetchSnapshotRequest& request,
      replication::StreamEvents<v1::FetchSnapshotResponse>* events) override;
  void Promise(const std::string& address, const v1::PromiseRequest& request, absl::Duration timeout,
               std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) override;
  void FetchRecords(const std::string& address, const v1::FetchRecordsRequest& request,
                    absl::Duration timeout,
                    std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override;
  void Look(const std::string& address, const v1::LookRequest& request, absl::Duration timeout,
            std::function<void(absl::StatusOr<v1::LookResponse>)> done) override;
  void Freeze(const std::string& address, const v1::FreezeRequest& request, absl::Duration timeout,
              std::function<void(absl::StatusOr<v1::FreezeResponse>)> done) override;

 private:
  struct FollowCall;
  class FollowClientEnd;
  class FollowServerEnd;
  struct SnapshotCall;
  class SnapshotClientEnd;

  template <typename Response, typename Accept>
  void Ask(const std::string& address, absl::Duration timeout,
           std::function<void(absl::StatusOr<Response>)> done, Accept accept);

  SimNetwork* const network_;
  VirtualTime* const time_;
  const std::string address_;
  SimExecutor* const strand_;
};

}  // namespace holdfast::testing
