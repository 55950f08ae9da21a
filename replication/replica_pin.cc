// The upstream that an operator has chosen by hand.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/replica_impl.h"

namespace holdfast::replication {
namespace {

constexpr absl::string_view kPinnedUpstream = "pinned_upstream";  // a value of node.db

}  // namespace

// What cannot be read is no choice: nothing but the operator's wish is lost.
absl::Status ReplicaImpl::LoadPin() {
  HF_ASSIGN_OR_RETURN(const auto kept, options_.store->node().GetValue(kPinnedUpstream));
  if (!kept || !pin_.ParseFromString(*kept)) pin_.Clear();
  return absl::OkStatus();
}

bool ReplicaImpl::IsVoterNow() const {
  return IsVoter(inventory_.inventory().cluster.rule(), options_.node_id,
                 options_.store->node().identity().incarnation);
}

absl::Status ReplicaImpl::PinUpstream(v1::UpstreamPin pin) {
  if (role_ == Role::kHalted) return halted_;
  if (role_ == Role::kStopped) return StoppingError({});
  if (!pin.node_id().empty()) {
    if (!IsFollowing()) return WrongRoleError("it follows nobody: it is or was the primary");
    if (pin.node_id() == options_.node_id) return WrongRoleError("a node cannot feed itself");
    if (inventory_.inventory().Find(pin.node_id()) == nullptr) return NotAMemberError(pin.node_id());
    if (IsVoterNow() && pin.node_id() != view().primary_node_id) {
      return WrongRoleError(
          absl::StrCat("'", options_.node_id,
                       "' is a voter, and a voter follows the primary itself: its word that a "
                       "commit is on its disk is passed on by nobody else"));
    }
    HF_RETURN_IF_ERROR(options_.store->node().PutValue(kPinnedUpstream, pin.SerializeAsString()));
  } else {
    HF_RETURN_IF_ERROR(options_.store->node().DeleteValue(kPinnedUpstream));
  }
  const bool is_another = pin.node_id() != pin_.node_id();
  pin_ = std::move(pin);
  if (is_another && IsFollowing()) follower_.OnPinChanged();
  UpdateView();
  return absl::OkStatus();
}

// R12: the acknowledgements of a voter are its own.
std::optional<UpstreamPolicy::Candidate> ReplicaImpl::Pinned() {
  if (pin_.node_id().empty()) return std::nullopt;
  for (UpstreamPolicy::Candidate& candidate : Candidates()) {
    if (candidate.node_id != pin_.node_id()) continue;
    if (IsVoterNow() && !candidate.is_primary) return std::nullopt;
    return std::move(candidate);
  }
  return std::nullopt;
}

std::string ReplicaImpl::PinSays() const {
  if (inventory_.inventory().Find(pin_.node_id()) == nullptr) return "it is no member any more";
  if (IsVoterNow()) return "this node is a voter now, and a voter follows the primary itself";
  return follower_.pin_says().empty() ? "it has not been tried yet" : follower_.pin_says();
}

}  // namespace holdfast::replication
