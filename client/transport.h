#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::client {

// One open watch at one node. Read is called by one thread at a time; Cancel by any.
class WatchCall {
 public:
  virtual ~WatchCall() = default;

  // Waits for the next message. False when the stream has ended; Finish says why.
  virtual bool Read(v1::WatchResponse* response) = 0;

  // Why the stream ended; OK if the node ended it in order. Once, after Read returned false.
  virtual absl::Status Finish() = 0;

  // Ends the stream; a waiting Read returns false.
  virtual void Cancel() = 0;
};

// How calls get to a node: the client's seam to the network. Methods wait for the answer, at most `timeout`.
// Any thread.
//
// Errors are those of the service. A node that cannot be had is UNREACHABLE; with the detail `sent` = "no" if
// the request certainly never left (errors.h: NeverSent).
class Transport {
 public:
  virtual ~Transport() = default;

  virtual absl::StatusOr<v1::GetResponse> Get(const std::string& address, const v1::GetRequest& request,
                                              absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::ListResponse> List(const std::string& address, const v1::ListRequest& request,
                                                absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::HistoryResponse> History(const std::string& address,
                                                      const v1::HistoryRequest& request,
                                                      absl::Duration timeout) = 0;
  virtual absl::StatusOr<v1::CommitResponse> Commit(const std::string& address,
                                                    const v1::CommitRequest& request,
                                                    absl::Duration timeout) = 0;
  virtual std::unique_ptr<WatchCall> Watch(const std::string& address, const v1::WatchRequest& request) = 0;
};

}  // namespace holdfast::client
