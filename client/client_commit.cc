#include <algorithm>
#include <deque>

#include "base/error.h"
#include "base/poll.h"
#include "client/attempts.h"
#include "client/call_policy.h"
#include "client/client.h"
#include "client/errors.h"

namespace holdfast::client {
namespace {

// A chain of nodes that each name another primary is cut here; the next round may find them agreed.
constexpr int kMaxRedirects = 4;

// The nodes to ask in one round, redirects included.
struct Route {
  std::deque<std::string> ahead;
  int redirects = 0;

  void Redirect(const std::string& address) {
    if (++redirects > kMaxRedirects) return;
    ahead.erase(std::remove(ahead.begin(), ahead.end(), address), ahead.end());
    ahead.push_front(address);
  }
};

}  // namespace

absl::StatusOr<v1::CommitResponse> Client::Commit(v1::CommitRequest request) {
  if (request.request_id().empty()) request.set_request_id(NewRequestId());
  Attempts attempts(options_);
  absl::Status in_doubt;    // the last failure after which the commit may have happened
  std::string named;        // the primary, by the last redirect
  bool named_away = false;  // and it could not be had
  absl::Duration delay;
  do {
    Route route;
    for (std::string& address : endpoints_.CommitOrder()) route.ahead.push_back(std::move(address));
    bool again = false;
    while (!route.ahead.empty() && attempts.remaining() > absl::ZeroDuration()) {
      const std::string address = std::move(route.ahead.front());
      route.ahead.pop_front();
      absl::StatusOr<v1::CommitResponse> response =
          transport_->Commit(address, request, attempts.remaining());
      if (response.ok()) {
        endpoints_.LearnPrimary(address);
        Observe(std::max(response->revision(), response->header().revision()));
        return response;
      }
      const absl::Status& status = response.status();
      const NextStep next = AfterCommit(status);
      if (MayHaveCommitted(status)) in_doubt = status;
      if (next == NextStep::kReturn && (in_doubt.ok() || SettlesEarlierAttempts(status))) return status;
      attempts.Note(address, status);
      if (next == NextStep::kReturn) return CommitOutcomeUnknownError(request.request_id(), status);
      if (next == NextStep::kAtPrimary) {
        const std::string primary = DetailOf(status, "primary_address");
        named_away = named_away && primary == named;
        // Who has just been asked in vain is not asked again in this round.
        if (!named_away) route.Redirect(primary);
        named = primary;
        endpoints_.LearnPrimary(primary);
      } else {
        endpoints_.Failed(address);
        named_away = named_away || (address == named && NeverSent(status));
      }
      again = again || next == NextStep::kNextThenAgain;
    }
    if (!again || !attempts.NextRound(&delay)) break;
    Pause(delay);
  } while (true);
  if (!in_doubt.ok()) return CommitOutcomeUnknownError(request.request_id(), in_doubt);
  return named_away ? PrimaryAwayError(named) : attempts.Verdict();
}

}  // namespace holdfast::client
