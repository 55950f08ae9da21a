#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "client/errors.h"
#include "client/transport.h"
#include "rpc/reason_table.h"

namespace holdfast::client {

inline absl::Status Failure(const std::string& reason,
                            const std::map<std::string, std::string>& details = {}) {
  absl::Status status = MakeError(rpc::FindReason(reason)->code, reason, reason + " as told by the fake");
  for (const auto& [key, value] : details) status = WithDetail(status, key, value);
  return status;
}

// Messages of one watch, then an end. Without an end, Read waits until Cancel.
struct WatchScript {
  std::deque<v1::WatchResponse> messages;
  std::optional<absl::Status> end;
};

class FakeWatchCall : public WatchCall {
 public:
  explicit FakeWatchCall(WatchScript script) : script_(std::move(script)) {}

  bool Read(v1::WatchResponse* response) override {
    MutexLock lock(&mu_);
    if (!script_.messages.empty()) {
      *response = std::move(script_.messages.front());
      script_.messages.pop_front();
      return true;
    }
    if (!script_.end.has_value()) {
      cancelled_cv_.Wait(&mu_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return cancelled_; });
    }
    return false;
  }
  absl::Status Finish() override {
    MutexLock lock(&mu_);
    return script_.end.value_or(absl::CancelledError("cancelled"));
  }
  void Cancel() override {
    MutexLock lock(&mu_);
    cancelled_ = true;
    cancelled_cv_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar cancelled_cv_;
  WatchScript script_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

// A network of nodes that answer what the test says. Nodes without a word are unreachable. Calls are recorded
// in order.
class FakeTransport : public Transport {
 public:
  struct Node {
    std::function<absl::StatusOr<v1::GetResponse>(const v1::GetRequest&)> get;
    std::function<absl::StatusOr<v1::CommitResponse>(const v1::CommitRequest&)> commit;
    std::function<absl::StatusOr<v1::ListResponse>(const v1::ListRequest&)> list;
    std::deque<WatchScript> watches;
  };
  struct Called {
    std::string address;
    absl::Duration timeout;
    v1::CommitRequest commit;
    v1::WatchRequest watch;
    v1::GetRequest get;
  };

  std::map<std::string, Node> nodes;
  std::vector<Called> calls;

  std::vector<std::string> addresses() const {
    std::vector<std::string> result;
    for (const Called& call : calls) result.push_back(call.address);
    return result;
  }

  absl::StatusOr<v1::GetResponse> Get(const std::string& address, const v1::GetRequest& request,
                                      absl::Duration timeout) override {
    calls.push_back({address, timeout, {}, {}, request});
    if (!nodes[address].get) return NotConnectedError(address, "refused");
    return nodes[address].get(request);
  }
  absl::StatusOr<v1::ListResponse> List(const std::string& address, const v1::ListRequest& request,
                                        absl::Duration timeout) override {
    calls.push_back({address, timeout, {}, {}, {}});
    if (!nodes[address].list) return NotConnectedError(address, "refused");
    return nodes[address].list(request);
  }
  absl::StatusOr<v1::HistoryResponse> History(const std::string& address, const v1::HistoryRequest&,
                                              absl::Duration) override {
    return NotConnectedError(address, "refused");
  }
  absl::StatusOr<v1::CommitResponse> Commit(const std::string& address, const v1::CommitRequest& request,
                                            absl::Duration timeout) override {
    calls.push_back({address, timeout, request, {}, {}});
    if (!nodes[address].commit) return NotConnectedError(address, "refused");
    return nodes[address].commit(request);
  }
  std::unique_ptr<WatchCall> Watch(const std::string& address, const v1::WatchRequest& request) override {
    calls.push_back({address, absl::InfiniteDuration(), {}, request, {}});
    WatchScript script;
    script.end = NotConnectedError(address, "refused");
    if (auto& scripts = nodes[address].watches; !scripts.empty()) {
      script = std::move(scripts.front());
      scripts.pop_front();
    }
    return std::make_unique<FakeWatchCall>(std::move(script));
  }
};

}  // namespace holdfast::client
