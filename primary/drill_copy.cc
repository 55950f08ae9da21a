#include "primary/drill_copy.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "failover/plan.h"
#include "replication/known_inventory.h"
#include "replication/store_log.h"
#include "replication/stream_gate.h"

namespace holdfast::primary {
namespace {

// Where nobody listens: the rehearsal's own ports are not known yet, and nobody else may be.
constexpr char kNowhere[] = "127.0.0.1:0";

// What turns the inventory of the copy into that of the rehearsal, in key order.
std::vector<v1::Change> InventoryChanges(const replication::Inventory& from, const v1::ClusterInfo& cluster,
                                         const v1::NodeInfo& self) {
  std::map<std::string, std::optional<std::string>> changes;
  for (const v1::NodeInfo& node : from.nodes) changes[replication::NodeKey(node.node_id())] = std::nullopt;
  changes[replication::NodeKey(self.node_id())] = replication::ToJson(self);
  changes[std::string(replication::kClusterKey)] = replication::ToJson(cluster);
  std::vector<v1::Change> sorted;
  for (auto& [key, value] : changes) {
    v1::Change& change = sorted.emplace_back();
    change.set_key(key);
    if (value) change.set_value(*std::move(value));
  }
  return sorted;
}

storage::RecordDraft EpochDraft(const storage::Store& store, const DrillCopyOwner& owner,
                                const std::string& incarnation) {
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_EPOCH;
  draft.rule.emplace();  // q = 0
  draft.epoch.emplace();
  draft.epoch->set_node_id(owner.node_id);
  draft.epoch->set_incarnation(incarnation);
  draft.epoch->set_operation_id(owner.drill_id);
  draft.epoch->set_operator_name(owner.operator_name);
  draft.epoch->set_host(owner.host);
  draft.epoch->set_reason("drill");
  // R20: the real voters are not there to be asked.
  for (const replication::RuleRecord& record : replication::RulesFrom(store, store.visible().revision)) {
    if (record.rule.quorum > 0) *draft.epoch->add_waived_rules() = record.rule.ToProto();
  }
  return draft;
}

}  // namespace

absl::StatusOr<uint64_t> MakeClusterOfItsOwn(const storage::Store::Options& options,
                                             const DrillCopyOwner& owner) {
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store> store, storage::Store::Open(options));
  storage::NodeStore& node = store->node();
  HF_RETURN_IF_ERROR(node.SetNodeId(owner.node_id));
  HF_RETURN_IF_ERROR(node.JoinCluster(owner.cluster_id));
  replication::KnownInventory known(store.get());
  HF_RETURN_IF_ERROR(known.Reload());
  const replication::Inventory& inventory = known.inventory();

  v1::NodeInfo self;
  if (const v1::NodeInfo* const member = inventory.Find(owner.node_id)) self = *member;
  self.set_node_id(owner.node_id);
  self.set_kind(v1::NODE_KIND_SERVER);
  self.set_incarnation(node.identity().incarnation);
  self.set_slot(self.slot());
  self.set_client_address(kNowhere);
  self.set_peer_address(kNowhere);
  const uint64_t epoch = failover::NextEpoch(store->appended().revision.epoch(), self.slot());

  storage::RecordDraft draft = EpochDraft(*store, owner, self.incarnation());
  v1::ClusterInfo cluster = inventory.cluster;
  cluster.set_cluster_id(owner.cluster_id);
  cluster.set_epoch(epoch);
  cluster.set_primary_node_id(owner.node_id);
  *cluster.mutable_rule() = *draft.rule;
  cluster.clear_spell();  // R19: this record ends it; the real voters could not confirm what its end restores
  draft.changes = InventoryChanges(inventory, cluster, self);

  // R7: the promise is durable before the record.
  HF_RETURN_IF_ERROR(node.StorePromise(replication::PromiseFor({epoch, owner.node_id, self.incarnation()})));
  HF_ASSIGN_OR_RETURN(const auto batch, store->BeginBatch());
  HF_RETURN_IF_ERROR(batch->Append(epoch, owner.node_id, draft).status());
  HF_RETURN_IF_ERROR(batch->Commit());
  return epoch;
}

}  // namespace holdfast::primary
