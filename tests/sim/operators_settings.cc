// Operators who change what the cluster is: its voters, its members, how long its log is.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/operators.h"

namespace holdfast::sim {

void Operators::Compact() {
  SimNode& node = cluster_->node(cluster_->primary());
  if (!node.is_up()) return;
  World& world = cluster_->world();
  const int64_t keep = 2 + static_cast<int64_t>(world.random->Below(10));
  const auto make = [&node,
                     keep](storage::Store::Batch&) -> absl::StatusOr<std::optional<storage::RecordDraft>> {
    const Revision visible = node.store().visible().revision;
    const Revision oldest = node.store().log().oldest();
    if (oldest.is_zero() || visible.index() < oldest.index() + keep) return std::nullopt;
    const absl::StatusOr<std::vector<storage::LogRecordPtr>> records =
        node.store().log().ReadAfter(node.store().floor(), visible, 1000, 1 << 20);
    if (!records.ok()) return records.status();
    if (static_cast<int64_t>(records->size()) <= keep) return std::nullopt;
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_COMPACT;
    draft.compact_floor = (*records)[records->size() - 1 - keep]->position.revision;
    return draft;
  };
  node.commit_path().AppendControl(make, node.clock().SinceBoot() + absl::Seconds(5),
                                   [&world](const absl::StatusOr<Revision>& revision) {
                                     if (revision.ok() && !revision->is_zero())
                                       world.coverage.Count("compactions");
                                   });
}

std::vector<NodePlan> Operators::NoMembers(SimNode& primary) const {
  std::vector<NodePlan> others;
  const std::vector<v1::NodeInfo> members = primary.replica().nodes();
  for (const auto& node : cluster_->nodes()) {
    const bool is_member = std::any_of(members.begin(), members.end(), [&](const v1::NodeInfo& member) {
      return member.node_id() == node->id();
    });
    if (!is_member) others.push_back(node->plan());
  }
  return others;
}

void Operators::ChangeNodes(SimNode& primary, const v1::ChangeNodesRequest& request, const char* what) {
  World& world = cluster_->world();
  cluster_->NoteOperation();
  if (world.cuts > 0) world.coverage.Count("voter_changes_during_a_fault");
  primary.administration().ChangeNodes(
      request, primary.clock().SinceBoot() + absl::Seconds(8),
      [&world, what](const absl::StatusOr<v1::ChangeNodesResponse>& response) {
        world.coverage.Count(absl::StrCat(what, response.ok() ? "" : "_refused"));
        world.story.Note("OPERATOR", absl::StrCat(what, ": ", response.status().ToString()));
      });
}

void Operators::ChangeVoters(bool same_nodes) {
  SimNode& node = cluster_->node(cluster_->primary());
  if (!node.is_up() || (!same_nodes && cluster_->WasWipedLately())) return;
  World& world = cluster_->world();
  v1::ChangeNodesRequest request;
  request.mutable_voters();
  const v1::DurabilityRule* const rule = cluster_->RuleNow();
  if (rule == nullptr) return;
  // A restarted or wiped server also needs its slot given to its new incarnation.
  for (const v1::NodeInfo& member : node.replica().nodes()) {
    const std::string& id = member.node_id();
    *request.add_set() = SimCluster::SpecOf(cluster_->node(id).plan());
    const bool was = std::any_of(rule->voters().begin(), rule->voters().end(),
                                 [&](const v1::Voter& voter) { return voter.node_id() == id; });
    if (id == node.id()) continue;
    if (same_nodes ? was : world.random->Below(2) == 0) request.mutable_voters()->add_node_ids(id);
  }
  const int voters = request.voters().node_ids_size();
  const uint32_t quorum =
      same_nodes ? rule->quorum() : static_cast<uint32_t>(world.random->Below(voters + 1));
  request.set_quorum(std::min(quorum, static_cast<uint32_t>(voters)));
  world.story.Note("OPERATOR", absl::StrCat("wants q=", request.quorum(), " of ", voters, " voters"));
  ChangeNodes(node, request, "voter_changes");
}

void Operators::ChangeMembers() {
  SimNode& primary = cluster_->node(cluster_->primary());
  if (!primary.is_up() || cluster_->WasWipedLately()) return;
  if (AddMissingMembers()) return;
  SimNode& node = cluster_->AnyNode();
  const v1::DurabilityRule* const rule = cluster_->RuleNow();
  if (&node == &primary || rule == nullptr || cluster_->nodes().size() <= 3) return;
  v1::ChangeNodesRequest request;
  request.add_remove(node.id());
  const bool votes = std::any_of(rule->voters().begin(), rule->voters().end(),
                                 [&](const v1::Voter& voter) { return voter.node_id() == node.id(); });
  const uint32_t voters = static_cast<uint32_t>(rule->voters_size()) - (votes ? 1 : 0);
  request.set_quorum(std::min(rule->quorum(), voters));
  cluster_->world().story.Note("OPERATOR", absl::StrCat("removes ", node.id()));
  ChangeNodes(primary, request, "members_removed");
}

bool Operators::AddMissingMembers() {
  SimNode& primary = cluster_->node(cluster_->primary());
  v1::ChangeNodesRequest request;
  for (NodePlan& plan : NoMembers(primary)) {
    plan.voter = false;
    *request.add_set() = SimCluster::SpecOf(plan);
    cluster_->world().story.Note("OPERATOR", absl::StrCat("adds ", plan.node_id));
  }
  if (request.set_size() == 0) return false;
  ChangeNodes(primary, request, "members_added");
  return true;
}

}  // namespace holdfast::sim
