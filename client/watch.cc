#include "client/watch.h"

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/call_policy.h"
#include "client/client.h"
#include "client/errors.h"

namespace holdfast::client {

Watch::~Watch() { Cancel(); }

std::string Watch::address() const {
  MutexLock lock(&mu_);
  return address_;
}

void Watch::Cancel() {
  std::shared_ptr<WatchCall> call;
  {
    MutexLock lock(&mu_);
    cancelled_ = true;
    call = call_;
    cancelled_cv_.NotifyAll();
  }
  if (call != nullptr) call->Cancel();
}

absl::Status Watch::Open() {
  if (next_revision_ != 0) request_.set_start_revision(next_revision_);
  // A node behind must say so instead of starting late (I5).
  const int64_t seen = next_revision_ == 0 ? request_.min_revision() : next_revision_ - 1;
  v1::WatchRequest request = request_;
  request.set_min_revision(demand_seen_ ? std::max(seen, request_.min_revision()) : 0);
  shown_revision_ = std::max<int64_t>(request_.start_revision() - 1, 0);

  const std::string address = client_->endpoints_.ReadOrder().front();
  std::shared_ptr<WatchCall> call = client_->transport_->Watch(address, request);
  MutexLock lock(&mu_);
  if (cancelled_) {
    call->Cancel();
    return WatchCancelledError();
  }
  call_ = std::move(call);
  address_ = address;
  return absl::OkStatus();
}

// The first failure after a message leads to the next endpoint at once; a whole round without one begins to
// wait.
absl::Status Watch::PauseBeforeRetry(const absl::Status& why) {
  const Options& options = client_->options_;
  MutexLock lock(&mu_);
  client_->endpoints_.Failed(address_);
  call_.reset();
  address_.clear();
  const int rounds = ++failures_ / static_cast<int>(options.endpoints.size());
  if (rounds > 0) {
    Backoff backoff({options.initial_backoff, options.max_backoff}, options.random);
    absl::Duration delay;
    for (int i = 0; i < std::min(rounds, 16); ++i) delay = backoff.Next();
    cancelled_cv_.WaitFor(&mu_, delay, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return cancelled_; });
  }
  return cancelled_ ? WatchCancelledError() : absl::OkStatus();
}

void Watch::DropDelivered(v1::WatchResponse* response) {
  auto* events = response->mutable_events();
  const auto is_old = [&](const v1::WatchEvent& event) {
    return std::make_pair(event.kv().mod_revision(), event.kv().key()) <=
           std::make_pair(delivered_revision_, delivered_key_);
  };
  events->erase(std::remove_if(events->begin(), events->end(), is_old), events->end());
  if (events->empty()) return;
  delivered_revision_ = events->rbegin()->kv().mod_revision();
  delivered_key_ = events->rbegin()->kv().key();
}

// Takes note of how far the watch has come. False if the message holds nothing for the caller.
bool Watch::Accept(v1::WatchResponse* response) {
  const bool had_events = response->events_size() > 0;
  failures_ = 0;
  demand_seen_ = true;
  // Only whole does it say what was lost: who has heard its beginning asks for all of it again.
  if (response->has_rewound() && response->fragment()) return true;
  if (response->has_rewound()) {
    // The lost revisions may come to mean other records only in other epochs; what follows is newer than both
    // histories.
    delivered_revision_ = std::min(delivered_revision_, response->rewound().common_revision());
    delivered_key_.clear();
    client_->ForgetLost(shown_revision_, response->rewound().common_revision());
    request_.set_min_revision(0);
    next_revision_ = response->rewound().common_revision() + 1;
  }
  DropDelivered(response);
  if (next_revision_ == 0) {
    next_revision_ =
        request_.start_revision() != 0 ? request_.start_revision() : response->header().revision() + 1;
  }
  if (!response->fragment()) next_revision_ = std::max(next_revision_, response->revision() + 1);
  const int64_t shown =
      std::max(response->header().revision(), response->fragment() ? 0 : response->revision());
  client_->Observe(shown);
  shown_revision_ = response->has_rewound() ? shown : std::max(shown_revision_, shown);
  if (!response->try_address().empty()) client_->endpoints_.Hint(response->try_address());
  return !had_events || response->events_size() > 0 || response->has_rewound();
}

absl::StatusOr<v1::WatchResponse> Watch::Next() {
  while (ended_.ok()) {
    std::shared_ptr<WatchCall> call;
    {
      MutexLock lock(&mu_);
      if (cancelled_) return ended_ = WatchCancelledError();
      call = call_;
    }
    if (call == nullptr) {
      ended_ = Open();
      continue;
    }
    v1::WatchResponse response;
    if (call->Read(&response)) {
      if (Accept(&response)) return response;
      continue;
    }
    const absl::Status why = call->Finish();
    // A stream "from now on" would not know that the caller has seen anything: he reads again.
    const bool has_cursor = request_.start_revision() != 0;
    if (ReasonOf(why) == "REWOUND" && demand_seen_ && has_cursor) {
      demand_seen_ = false;  // the stream itself then says what was lost, by a `rewound` message
    } else if (!WatchGoesOn(why)) {
      client_->ForgetLostHistory(why);
      ended_ = why;
      continue;
    }
    ended_ = PauseBeforeRetry(why);
  }
  return ended_;
}

}  // namespace holdfast::client
