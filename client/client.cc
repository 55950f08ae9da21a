#include "client/client.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "base/error.h"
#include "base/poll.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "client/attempts.h"
#include "client/call_policy.h"
#include "client/errors.h"

namespace holdfast::client {

absl::StatusOr<std::unique_ptr<Client>> Client::Create(Options options,
                                                       std::unique_ptr<Transport> transport) {
  if (options.endpoints.empty()) return NoEndpointsError();
  return std::unique_ptr<Client>(new Client(std::move(options), std::move(transport)));
}

Client::Client(Options options, std::unique_ptr<Transport> transport)
    : options_(std::move(options)), transport_(std::move(transport)), endpoints_(options_.endpoints) {}

void Client::Observe(int64_t revision) {
  int64_t seen = seen_revision_.load();
  while (seen < revision && !seen_revision_.compare_exchange_weak(seen, revision)) {
  }
}

void Client::DemandSeen(v1::ReadOptions& demands) const {
  if (!options_.session || demands.at_revision() != 0) return;
  demands.set_min_revision(std::max(demands.min_revision(), seen_revision()));
}

void Client::ForgetLostHistory(const absl::Status& status) {
  int64_t lost = 0;
  int64_t common = 0;
  if (ReasonOf(status) == "REWOUND" && absl::SimpleAtoi(DetailOf(status, "revision"), &lost) &&
      absl::SimpleAtoi(DetailOf(status, "common_revision"), &common))
    ForgetLost(lost, common);
}

// Only if just what is lost was the highest. Whatever else was seen may be of the new history (I5); if it is
// lost too, whoever demands it next is told.
void Client::ForgetLost(int64_t lost, int64_t common) {
  seen_revision_.compare_exchange_strong(lost, common);
}

template <typename Response, typename Call>
absl::StatusOr<Response> Client::ReadOneRound(const v1::ReadOptions& demands, Attempts& attempts, Call& call,
                                              bool* again) {
  const std::vector<std::string> order = endpoints_.ReadOrder();
  for (size_t i = 0; i < order.size() && attempts.remaining() > absl::ZeroDuration(); ++i) {
    absl::StatusOr<Response> response = call(order[i], attempts.ReadShare(order.size() - i - 1));
    const NextStep next =
        response.ok() ? NextStep::kReturn : AfterRead(response.status(), demands.has_max_staleness());
    if (next == NextStep::kReturn) {
      endpoints_.Answered(order[i]);
      if (response.ok()) Observe(response->header().revision());
      ForgetLostHistory(response.status());
      *again = false;
      return response;
    }
    endpoints_.Failed(order[i]);
    endpoints_.Hint(DetailOf(response.status(), "try_address"));
    attempts.Note(order[i], response.status());
    *again = *again || next == NextStep::kNextThenAgain;
  }
  return attempts.Verdict();
}

template <typename Response, typename Call>
absl::StatusOr<Response> Client::ReadAnywhere(const v1::ReadOptions& demands, Call call) {
  Attempts attempts(options_);
  while (true) {
    bool again = false;
    absl::StatusOr<Response> response = ReadOneRound<Response>(demands, attempts, call, &again);
    absl::Duration delay;
    if (!again || !attempts.NextRound(&delay)) return response;
    Pause(delay);
  }
}

absl::StatusOr<v1::GetResponse> Client::Get(v1::GetRequest request) {
  DemandSeen(*request.mutable_options());
  return ReadAnywhere<v1::GetResponse>(request.options(),
                                       [&](const std::string& address, absl::Duration timeout) {
                                         return transport_->Get(address, request, timeout);
                                       });
}

absl::StatusOr<v1::ListResponse> Client::List(v1::ListRequest request) {
  if (request.page_token().empty()) DemandSeen(*request.mutable_options());
  return ReadAnywhere<v1::ListResponse>(request.options(),
                                        [&](const std::string& address, absl::Duration timeout) {
                                          return transport_->List(address, request, timeout);
                                        });
}

absl::StatusOr<v1::HistoryResponse> Client::History(v1::HistoryRequest request) {
  v1::ReadOptions no_demands;
  return ReadAnywhere<v1::HistoryResponse>(no_demands,
                                           [&](const std::string& address, absl::Duration timeout) {
                                             return transport_->History(address, request, timeout);
                                           });
}

absl::StatusOr<int64_t> Client::ListAll(v1::ListRequest request,
                                        const std::function<absl::Status(v1::KeyValue&)>& each) {
  DemandSeen(*request.mutable_options());
  while (true) {
    HF_ASSIGN_OR_RETURN(v1::ListResponse page, List(request));
    for (v1::KeyValue& kv : *page.mutable_kvs()) HF_RETURN_IF_ERROR(each(kv));
    if (page.next_page_token().empty()) return page.revision();
    request.set_page_token(page.next_page_token());
  }
}

absl::Status Client::HistoryAll(v1::HistoryRequest request,
                                const std::function<absl::Status(v1::HistoryEntry&)>& each) {
  while (true) {
    HF_ASSIGN_OR_RETURN(v1::HistoryResponse page, History(request));
    for (v1::HistoryEntry& entry : *page.mutable_entries()) HF_RETURN_IF_ERROR(each(entry));
    if (page.next_page_token().empty()) return absl::OkStatus();
    request.set_page_token(page.next_page_token());
  }
}

std::string Client::NewRequestId() { return NewUuid7(*options_.clock, *options_.random); }

std::unique_ptr<Watch> Client::StartWatch(v1::WatchRequest request) {
  if (options_.session) request.set_min_revision(std::max(request.min_revision(), seen_revision()));
  return std::unique_ptr<Watch>(new Watch(this, std::move(request)));
}

}  // namespace holdfast::client
