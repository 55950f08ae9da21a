#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holdfast/v1/replication.pb.h"

// The seam between the protocol and the network: gRPC in production (`*_grpc`), a seeded network with faults
// in the simulator. Messages are those of replication.proto. Everything here is called, and calls back, on
// the node's core strand; nothing calls back from within a call.
namespace holdfast::replication {

// One end of a stream. Sending never waits: it queues; the protocol bounds what it queues by
// acknowledgements.
template <typename Message>
class StreamEnd {
 public:
  virtual ~StreamEnd() = default;  // as Close(Cancelled), without callbacks afterwards
  virtual void Send(Message message) = 0;
  // Ends the stream after what was sent. A client end half-closes; a server end finishes with `status`. No
  // callbacks afterwards.
  virtual void Close(const absl::Status& status) = 0;
};

// What the owner of a stream end hears.
template <typename Message>
class StreamEvents {
 public:
  virtual ~StreamEvents() = default;
  virtual void OnMessage(Message message) = 0;
  // The stream is over; nothing follows. OK only if the other end closed it in order.
  virtual void OnClosed(const absl::Status& status) = 0;
};

// A snapshot being received. Chunks come one at a time, each only after Next(), so that a slow disk holds the
// network back.
class SnapshotStream {
 public:
  virtual ~SnapshotStream() = default;  // cancels
  virtual void Next() = 0;              // asks for one more message
};

// Calls to other nodes. `address` is a peer address (host:port). Must outlive what it returned.
class PeerTransport {
 public:
  virtual ~PeerTransport() = default;

  virtual std::unique_ptr<StreamEnd<v1::FollowRequest>> Follow(const std::string& address,
                                                               StreamEvents<v1::FollowResponse>* events) = 0;
  virtual std::unique_ptr<SnapshotStream> FetchSnapshot(const std::string& address,
                                                        const v1::FetchSnapshotRequest& request,
                                                        StreamEvents<v1::FetchSnapshotResponse>* events) = 0;
  // `done` is called once, on the strand, at the latest after `timeout` (UNREACHABLE with detail
  // address, DEADLINE).
  virtual void Promise(const std::string& address, const v1::PromiseRequest& request, absl::Duration timeout,
                       std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) = 0;
  virtual void FetchRecords(const std::string& address, const v1::FetchRecordsRequest& request,
                            absl::Duration timeout,
                            std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) = 0;
  virtual void Look(const std::string& address, const v1::LookRequest& request, absl::Duration timeout,
                    std::function<void(absl::StatusOr<v1::LookResponse>)> done) = 0;
  virtual void Freeze(const std::string& address, const v1::FreezeRequest& request, absl::Duration timeout,
                      std::function<void(absl::StatusOr<v1::FreezeResponse>)> done) = 0;
};

// What a node does for peers that call it. The network adapter calls these on the strand.
class PeerService {
 public:
  virtual ~PeerService() = default;

  // A new follower's stream. Returns what hears it; `stream` is owned by the callee and outlives the returned
  // object.
  virtual std::unique_ptr<StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) = 0;

  // Serves a snapshot: sends the manifest, then a chunk each time `ready` is called by the adapter (the peer
  // can take more).
  class SnapshotSource {
   public:
    virtual ~SnapshotSource() = default;
    // The next message, later, on the strand: nullopt after the last, or an error that ends the call.
    virtual void Next(std::function<void(absl::StatusOr<std::optional<v1::FetchSnapshotResponse>>)> done) = 0;
  };
  virtual absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest& request) = 0;

  virtual absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest& request) = 0;
  virtual absl::StatusOr<v1::FreezeResponse> AcceptFreeze(const v1::FreezeRequest& request) = 0;
  // Answer later, on the strand.
  virtual void AcceptFetchRecords(const v1::FetchRecordsRequest& request,
                                  std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) = 0;
  virtual void AcceptLook(const v1::LookRequest& request,
                          std::function<void(absl::StatusOr<v1::LookResponse>)> done) = 0;
};

}  // namespace holdfast::replication
