// What other threads and services see of a replica.
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "replication/errors.h"
#include "replication/inventory.h"
#include "replication/replica_impl.h"
#include "replication/store_log.h"

namespace holdfast::replication {

ReplicaView ReplicaImpl::view() const {
  ReplicaView view;
  {
    MutexLock lock(&mu_);
    view = view_;
  }
  const int64_t fresh_at_ns = fresh_at_ns_;
  if (fresh_at_ns == kAlways) return view;
  // A stream of the primary itself is a sign of life before its first echo; its silence ends it.
  if (view.upstream_connected && view.upstream_node_id == view.primary_node_id) return view;
  const absl::Duration heard = fresh_at_ns == kNever ? started_at_ : absl::Nanoseconds(fresh_at_ns);
  if (fresh_at_ns == kNever || options_.clock->SinceBoot() - heard > kUpstreamSilence)
    view.no_primary_since = heard;
  return view;
}

std::optional<absl::Duration> ReplicaImpl::FreshAt() const {
  const int64_t fresh_at_ns = fresh_at_ns_;
  if (fresh_at_ns == kNever) return std::nullopt;
  return fresh_at_ns == kAlways ? absl::InfiniteDuration() : absl::Nanoseconds(fresh_at_ns);
}

std::optional<absl::Duration> ReplicaImpl::Staleness() const {
  const std::optional<absl::Duration> fresh_at = FreshAt();
  if (!fresh_at) return std::nullopt;
  return std::max(options_.clock->SinceBoot() - *fresh_at, absl::ZeroDuration());
}

std::vector<v1::FollowerStatus> ReplicaImpl::followers() const {
  const std::vector<RuleRecord> rules = RulesFrom(*options_.store, options_.store->appended().revision);
  std::vector<v1::FollowerStatus> followers;
  for (const std::shared_ptr<Sender>& sender : senders_) {
    if (!sender->streaming()) continue;
    v1::FollowerStatus& status = followers.emplace_back(sender->Status());
    status.set_voter(!rules.empty() && rules.back().rule.HasVoter({status.node_id(), status.incarnation()}));
  }
  return followers;
}

absl::Status ReplicaImpl::CanAdmit() const {
  const ReplicaView seen = view();
  switch (role_) {
    case Role::kPrimary:
      if (options_.clock->SinceBoot() < frozen_until_) return HandingOverError(frozen_for_);
      return absl::OkStatus();
    case Role::kRecovering:
      return RecoveringError(resume_ ? resume_->explanation() : "its voters");
    case Role::kSuspended:
      return SuspendedError(options_.node_id, other_epoch_);
    case Role::kFenced:
      return FencedError(options_.node_id, other_epoch_, seen.primary_client_address);
    case Role::kHalted:
      return halted_;
    case Role::kStopped:
      return StoppingError({});
    default:
      break;
  }
  if (seen.cluster_id.empty()) return NotInitializedError(options_.node_id);
  if (seen.no_primary_since != absl::ZeroDuration() || seen.primary_node_id.empty()) {
    return NoPrimaryError(options_.clock->SinceBoot() - seen.no_primary_since);
  }
  if (options_.kind == v1::NODE_KIND_PROXY)
    return NotPrimaryError(seen.primary_node_id, seen.primary_client_address);
  return StandbyError(seen.primary_node_id, seen.primary_client_address);
}

uint64_t ReplicaImpl::epoch() const {
  if (!IsFollowing() && role_ != Role::kNew) return own_epoch_;
  return follower_.stream() ? follower_.stream()->epoch : options_.store->node().promise().epoch();
}

v1::NodeRole ReplicaImpl::RoleForOthers() const {
  switch (role_) {
    case Role::kPrimary:
      return v1::NODE_ROLE_PRIMARY;
    case Role::kRecovering:
      return v1::NODE_ROLE_RECOVERING;
    case Role::kSuspended:
      return v1::NODE_ROLE_SUSPENDED;
    case Role::kFenced:
      return v1::NODE_ROLE_FENCED;
    default:
      break;
  }
  if (options_.store->node().identity().cluster_id.empty()) return v1::NODE_ROLE_UNINITIALIZED;
  return options_.kind == v1::NODE_KIND_PROXY ? v1::NODE_ROLE_PROXY : v1::NODE_ROLE_STANDBY;
}

VoterId ReplicaImpl::Self() const {
  return {options_.node_id, options_.store->node().identity().incarnation};
}

void ReplicaImpl::SetRole(Role role, std::string activity) {
  role_ = role;
  activity_ = std::move(activity);
  if (role_ == Role::kPrimary) {
    NoteFreshPrimary();
  } else if (fresh_at_ns_ == kAlways || role_ == Role::kHalted) {
    // What a former primary shows was fresh until now, and nobody tells it more.
    fresh_at_ns_ = role_ == Role::kHalted ? kNever : absl::ToInt64Nanoseconds(options_.clock->SinceBoot());
  }
  UpdateView();
}

// Until everything that was in its log is shown again, a primary may show less than was shown before: a power
// cut takes node.db's word for what was visible.
void ReplicaImpl::NoteFreshPrimary() {
  if (options_.store->visible().revision >= begin_end_) fresh_at_ns_ = kAlways;
}

void ReplicaImpl::UpdateView(bool rule_changed) {
  ReplicaView next;
  const Inventory& inventory = inventory_.inventory();
  next.role = RoleForOthers();
  next.epoch = epoch();
  next.cluster_id = options_.store->node().identity().cluster_id;
  next.activity = activity_;
  if (!halted_.ok()) next.not_serving_reason = std::string(halted_.message());
  const v1::FollowVerdict& verdict = follower_.verdict();
  if (IsFollowing() && !verdict.primary_node_id().empty()) {
    next.primary_node_id = verdict.primary_node_id();
    next.primary_client_address = verdict.primary_client_address();
    next.primary_peer_address = verdict.primary_peer_address();
  } else {
    next.primary_node_id = inventory.cluster.primary_node_id();
  }
  // A former primary knows that it is none, and not yet who is: its own inventory still names itself.
  const bool is_former = role_ == Role::kSuspended || role_ == Role::kFenced;
  if (is_former && next.primary_node_id == options_.node_id) next.primary_node_id.clear();
  // The inventory speaks last: an address that has been changed is changed there.
  if (const v1::NodeInfo* primary = inventory.Find(next.primary_node_id); primary != nullptr) {
    next.primary_client_address = primary->client_address();
    next.primary_peer_address = primary->peer_address();
  }
  next.upstream_connected = IsFollowing() && follower_.streaming();
  if (next.upstream_connected && !follower_.fed_through().empty())
    next.upstream_node_id = follower_.fed_through().front();
  if (IsFollowing() && !pin_.node_id().empty()) {
    next.pinned_node_id = pin_.node_id();
    next.pin_followed = next.upstream_connected && next.upstream_node_id == pin_.node_id();
    if (!next.pin_followed) next.pin_says = PinSays();
  }
  bool changed;
  {
    MutexLock lock(&mu_);
    changed = rule_changed || next.role != view_.role || next.epoch != view_.epoch ||
              next.cluster_id != view_.cluster_id || next.primary_node_id != view_.primary_node_id ||
              next.primary_client_address != view_.primary_client_address;
    view_ = std::move(next);
  }
  if (changed && options_.on_change) options_.strand->Post(lifetime_.Wrap([this] { options_.on_change(); }));
}

}  // namespace holdfast::replication
