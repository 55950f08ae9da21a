#include "serving/node_state.h"

#include <utility>

#include "base/mutants.h"
#include "serving/errors.h"
#include "serving/wire_format.h"
#include "storage/proto_time.h"

namespace holdfast::serving {

NodeState::NodeState(Options options) : options_(std::move(options)), view_(std::make_shared<NodeView>()) {}

void NodeState::Set(NodeView view) {
  auto shared = std::make_shared<const NodeView>(std::move(view));
  MutexLock lock(&mu_);
  view_.swap(shared);
}

std::shared_ptr<const NodeView> NodeState::view() const {
  MutexLock lock(&mu_);
  return view_;
}

absl::Status NodeState::CheckServes(Revision visible) const {
  const std::shared_ptr<const NodeView> now = view();
  if (!now->halted.ok()) return now->halted;
  if (now->refusing) return DrainingError(now->try_address);
  switch (now->role) {
    case v1::NODE_ROLE_STANDBY:
      return StandbyError(now->primary_node_id, now->primary_client_address);
    case v1::NODE_ROLE_UNINITIALIZED:
    case v1::NODE_ROLE_UNSPECIFIED:
      return NotInitializedError(options_.node_id);
    default:
      break;
  }
  if (MutantActive(Mutant::kProxyNeedsPrimary) && !FreshAt())
    return StaleError(visible, std::nullopt, "a primary");
  // A replica that has received nothing must not answer that nothing exists (I5).
  return visible.is_zero() ? StaleError(visible, std::nullopt, "anything at all") : absl::OkStatus();
}

absl::Status NodeState::RefuseCommit() const {
  const std::shared_ptr<const NodeView> now = view();
  if (now->role == v1::NODE_ROLE_UNINITIALIZED) return NotInitializedError(options_.node_id);
  if (now->role == v1::NODE_ROLE_STANDBY)
    return StandbyError(now->primary_node_id, now->primary_client_address);
  if (now->no_primary_since) return NoPrimaryError(*now->no_primary_since);
  return NotPrimaryError(now->primary_node_id, now->primary_client_address);
}

void NodeState::FillHeader(const Shown& shown, v1::ResponseHeader* header) const {
  const std::shared_ptr<const NodeView> now = view();
  header->set_cluster_id(now->cluster_id);
  header->set_node_id(options_.node_id);
  header->set_site(options_.site);
  header->set_role(now->role);
  header->set_revision(shown.revision.number());
  const std::optional<absl::Duration> age = shown.Age(options_.clock->SinceBoot());
  if (age) storage::FillDuration(*age, header->mutable_staleness());
}

std::string NodeState::EncodeHeader(const Shown& shown) const {
  v1::ResponseHeader header;
  FillHeader(shown, &header);
  std::string field;
  wire::AppendBytes(field, v1::WatchResponse::kHeaderFieldNumber, header.SerializeAsString());
  return field;
}

}  // namespace holdfast::serving
