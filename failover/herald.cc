#include "failover/herald.h"

#include "failover/own_node.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(1);
// Who follows is asked seldom: it may follow somebody else tomorrow.
constexpr absl::Duration kIntervalOfFollowers = absl::Seconds(15);
constexpr absl::Duration kTimeout = absl::Milliseconds(800);

}  // namespace

void Herald::Start() {
  node_.strand->PostAfter(kInterval, life_.Wrap([this] { Start(); }));
  // The first epoch is nobody's successor: whoever does not follow it looks for it.
  const replication::ReplicaView seen = node_.replica->view();
  if (seen.role != v1::NODE_ROLE_PRIMARY || node_.replica->epoch() == 0) return next_.clear();
  const absl::Duration now = node_.clock->SinceBoot();
  for (const v1::NodeInfo& member : NodesToAsk(*node_.replica)) {
    if (member.node_id() == node_.store->node().identity().node_id) continue;
    absl::Duration& next = next_[member.node_id()];
    if (now < next) continue;
    next = now + kInterval;
    Tell(member);
  }
}

void Herald::Tell(const v1::NodeInfo& member) {
  v1::PromiseRequest request;
  request.set_cluster_id(node_.store->node().identity().cluster_id);
  *request.mutable_promise() = node_.store->node().promise();
  node_.transport->Promise(
      member.peer_address(), request, kTimeout,
      life_.Wrap([this, id = member.node_id()](const absl::StatusOr<v1::PromiseResponse>& said) {
        const bool follows = said.ok() && said->epoch() == node_.replica->epoch() &&
                             (said->role() == v1::NODE_ROLE_STANDBY || said->role() == v1::NODE_ROLE_PROXY);
        if (follows) next_[id] = node_.clock->SinceBoot() + kIntervalOfFollowers;
      }));
}

}  // namespace holdfast::failover
