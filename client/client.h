#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "client/endpoints.h"
#include "client/options.h"
#include "client/transport.h"
#include "client/watch.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::client {

class Attempts;

// Reads, changes and watches configuration at whichever node can answer. Requests and answers are the
// messages of `holdfast/v1/config.proto`; failures carry a reason (base/error.h: ReasonOf, DetailOf). Any
// thread; calls wait for their answer, at most Options::timeout.
//
// - A node that is gone, drains or lags is left for the next endpoint at once: no call fails while one
// endpoint can answer.
// - Commits find the primary by themselves, and are repeated with the same request id only.
// - A client never sees the past (I5): reads demand the highest revision that this client has seen, on any
// node.
//
// Make one with Connect (client/connect.h).
class Client {
 public:
  // INVALID_REQUEST without endpoints.
  static absl::StatusOr<std::unique_ptr<Client>> Create(Options options,
                                                        std::unique_ptr<Transport> transport);

  // Safe to retry. KEY_NOT_FOUND, INVALID_KEY; STALE, COMPACTED, FUTURE_REVISION, REWOUND by the request's
  // options; UNREACHABLE if no endpoint answers. After REWOUND the session begins anew at the common
  // revision.
  absl::StatusOr<v1::GetResponse> Get(v1::GetRequest request);

  // One page. Later pages go to any endpoint: the token and `at_revision` mean the same everywhere.
  absl::StatusOr<v1::ListResponse> List(v1::ListRequest request);

  // One page, newest first.
  absl::StatusOr<v1::HistoryResponse> History(v1::HistoryRequest request);

  // Every page of one consistent state, row by row; `each` ends the listing by returning a failure. Answers
  // with the revision shown. `request.page_token` must be empty.
  absl::StatusOr<int64_t> ListAll(v1::ListRequest request,
                                  const std::function<absl::Status(v1::KeyValue&)>& each);

  // Every entry of a history, newest first, as ListAll.
  absl::Status HistoryAll(v1::HistoryRequest request,
                          const std::function<absl::Status(v1::HistoryEntry&)>& each);

  // Commits at the primary; an empty request id is filled in. COMMIT_UNKNOWN (detail request_id) if it may
  // have happened: send the same request again, with that id. Else all failures mean that nothing changed:
  // PRECONDITION_FAILED, INVALID_KEY, TOO_LARGE, NO_PRIMARY, UNREACHABLE, ...
  absl::StatusOr<v1::CommitResponse> Commit(v1::CommitRequest request);

  // Opens a watch that goes on at other endpoints by itself. The client must outlive it.
  std::unique_ptr<Watch> StartWatch(v1::WatchRequest request);

  // A new time-ordered request id: 16 bytes.
  std::string NewRequestId();

  // The highest revision seen, of a history that is not known to be lost: keep it to go on with the session
  // elsewhere.
  int64_t seen_revision() const { return seen_revision_.load(); }
  void Observe(int64_t revision);

 private:
  friend class Watch;

  Client(Options options, std::unique_ptr<Transport> transport);

  template <typename Response, typename Call>
  absl::StatusOr<Response> ReadAnywhere(const v1::ReadOptions& demands, Call call);
  template <typename Response, typename Call>
  absl::StatusOr<Response> ReadOneRound(const v1::ReadOptions& demands, Attempts& attempts, Call& call,
                                        bool* again);
  void DemandSeen(v1::ReadOptions& demands) const;
  void ForgetLostHistory(const absl::Status& status);
  void ForgetLost(int64_t lost, int64_t common);

  const Options options_;
  const std::unique_ptr<Transport> transport_;
  Endpoints endpoints_;
  std::atomic<int64_t> seen_revision_{0};
};

}  // namespace holdfast::client
