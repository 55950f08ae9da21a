#include "node/node_status.h"

#include <utility>

#include "base/error.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::node {

NodeStatus::NodeStatus(Options options) : options_(std::move(options)), started_(options_.clock->Now()) {}

v1::StatusResponse NodeStatus::Get() {
  storage::Store& store = *options_.store;
  const replication::ReplicaView view = options_.replica->view();
  v1::StatusResponse status;
  v1::ResponseHeader& header = *status.mutable_header();
  header.set_cluster_id(view.cluster_id);
  header.set_node_id(options_.node_id);
  header.set_site(options_.site);
  header.set_role(view.role);
  header.set_revision(store.visible().revision.number());
  if (const auto staleness = options_.replica->Staleness())
    storage::FillDuration(*staleness, header.mutable_staleness());
  status.set_incarnation(store.node().identity().incarnation);
  status.set_version(options_.version);
  status.mutable_started()->set_seconds(absl::ToUnixSeconds(started_));
  *status.mutable_promise() = store.node().promise();
  *status.mutable_appended() = storage::ToProto(store.appended());
  *status.mutable_visible() = storage::ToProto(store.visible());
  status.set_state_digest(store.state_digest().ToBytes());
  *status.mutable_digest_position() = storage::ToProto(store.appended());
  status.set_floor_revision(store.floor().number());
  status.set_key_count(store.key_count());
  status.set_epoch(view.epoch);
  status.set_primary_node_id(view.primary_node_id);
  status.set_primary_client_address(view.primary_client_address);
  status.set_primary_peer_address(view.primary_peer_address);
  status.set_upstream_node_id(view.upstream_node_id);
  status.set_upstream_connected(view.upstream_connected);
  status.set_activity(view.activity);
  status.set_not_serving_reason(view.not_serving_reason);
  if (!view.pinned_node_id.empty()) *status.mutable_pin() = options_.replica->pin();
  status.set_pin_followed(view.pin_followed);
  status.set_pin_says(view.pin_says);
  for (v1::NodeInfo& node : options_.replica->nodes()) *status.add_nodes() = std::move(node);
  FillDurability(status);
  for (v1::UnsettledEpoch& epoch : options_.replica->unsettled()) *status.add_unsettled() = std::move(epoch);
  for (v1::FollowerStatus& follower : options_.replica->followers())
    *status.add_followers() = std::move(follower);
  status.set_draining(options_.draining());
  FillGauges(*status.mutable_gauges());
  return status;
}

void NodeStatus::FillDurability(v1::StatusResponse& status) {
  const storage::Store& store = *options_.store;
  const v1::ClusterInfo cluster = options_.replica->cluster();
  *status.mutable_rule() = cluster.rule();
  if (cluster.has_rule_origin()) *status.mutable_rule_origin() = cluster.rule_origin();
  if (cluster.has_spell()) *status.mutable_spell() = cluster.spell();
  Revision newest;
  for (const storage::Milestone& milestone : store.milestones()) {
    if (milestone.rule) newest = milestone.position.revision;
  }
  status.set_rule_revision(newest.number());
  status.set_rule_committed(!newest.is_zero() && newest <= store.visible().revision);
  status.set_rule_settled(options_.replica->RuleSettled());
  if (!options_.spell_left) return;
  if (const auto left = options_.spell_left()) storage::FillDuration(*left, status.mutable_spell_left());
}

void NodeStatus::FillGauges(v1::NodeGauges& gauges) {
  storage::Store& store = *options_.store;
  gauges.set_database_bytes(store.database_bytes());
  gauges.set_wal_bytes(store.wal_bytes());
  if (const auto free = options_.files->FreeBytes(options_.data_dir); free.ok())
    gauges.set_disk_free_bytes(*free);
  gauges.set_watches(options_.watches());
  gauges.set_reads(options_.reads());
  gauges.set_commits(options_.commits());
  const Revision oldest = store.log().oldest();
  if (!oldest.is_zero()) {
    gauges.set_log_records(static_cast<int64_t>(store.appended().revision.index() - oldest.index() + 1));
  }
  if (const auto files = options_.files->List(options_.data_dir + "/salvage"); files.ok()) {
    gauges.set_salvage_files(static_cast<int64_t>(files->size()));
  }
}

}  // namespace holdfast::node
