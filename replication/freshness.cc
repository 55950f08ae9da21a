#include "replication/freshness.h"

#include <algorithm>

#include "base/limits.h"

namespace holdfast::replication {

uint64_t Freshness::NextProbe(absl::Duration now) {
  if (probes_.size() >= kMaxProbesInFlight) probes_.pop_front();
  probes_.push_back({next_probe_, now});
  return next_probe_++;
}

void Freshness::OnHeartbeat(uint64_t echo, std::optional<absl::Duration> upstream_staleness,
                            Revision committed, Revision visible) {
  const auto probe =
      std::find_if(probes_.begin(), probes_.end(), [echo](const Probe& p) { return p.number == echo; });
  if (probe == probes_.end()) return;
  const absl::Duration sent = probe->sent;
  probes_.erase(probes_.begin(),
                probe);  // the echoed one stays: a later heartbeat may carry a better bound with it
  if (!upstream_staleness || *upstream_staleness < absl::ZeroDuration()) return;
  const absl::Duration fresh_at = sent - *upstream_staleness;
  if (committed <= visible) return Accept(fresh_at);
  if (!waiting_.empty() && (waiting_.back().committed > committed || waiting_.back().fresh_at > fresh_at))
    return;
  // A full queue drops its newest entry but one: the oldest must stay, or a replica that is always a little
  // behind never gets a bound.
  if (waiting_.size() >= kMaxProbesInFlight) waiting_.pop_back();
  waiting_.push_back({committed, fresh_at});
}

void Freshness::OnVisible(Revision visible) {
  while (!waiting_.empty() && waiting_.front().committed <= visible) {
    Accept(waiting_.front().fresh_at);
    waiting_.pop_front();
  }
}

void Freshness::OnDisconnected() {
  probes_.clear();
  waiting_.clear();
}

void Freshness::Reset() {
  OnDisconnected();
  fresh_at_.reset();
}

void Freshness::Accept(absl::Duration fresh_at) {
  if (!fresh_at_ || *fresh_at_ < fresh_at) fresh_at_ = fresh_at;
}

}  // namespace holdfast::replication
