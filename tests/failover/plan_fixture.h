#pragma once

#include <gtest/gtest.h>

#include <string>

#include "failover/plan.h"
#include "storage/record_codec.h"

namespace holdfast::failover {

inline Position At(uint64_t epoch, uint64_t index) {
  Position position;
  position.revision = Revision(epoch, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(index);
  return position;
}

// dc1: p (primary), y. dc2: a, b (the pair), x. Two of {a, b, x}. dc1 is lost, `a` is asked.
class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    input_.candidate = {{"a", "a-1"},
                        At(0, 10),
                        [](const Position& position) { return position == At(0, position.revision.index()); },
                        {{Revision(0, 1), replication::Rule(), {}}}};
    input_.newest_epoch.set_node_id("p");
    input_.self_role = v1::NODE_ROLE_STANDBY;
    replication::Rule& rule = input_.candidate.rules[0].rule;
    rule.voters = {{"a", "a-1"}, {"b", "b-1"}, {"x", "x-1"}};
    rule.quorum = 2;
    input_.disk_free_bytes = int64_t{10} << 30;
    input_.view.set_gathered_by("a");
    Add("a", "dc2", v1::NODE_KIND_SERVER, true).mutable_member()->set_slot(1);
    Add("b", "dc2", v1::NODE_KIND_SERVER, true).mutable_member()->set_slot(2);
    Add("p", "dc1", v1::NODE_KIND_SERVER, false).mutable_member()->set_slot(0);
    Add("x", "dc2", v1::NODE_KIND_PROXY, true);
    Add("y", "dc1", v1::NODE_KIND_PROXY, false);
    input_.self = Node("a").member();
  }

  v1::NodeView& Add(const std::string& id, const std::string& site, v1::NodeKind kind, bool reached) {
    v1::NodeView& node = *input_.view.add_nodes();
    node.mutable_member()->set_node_id(id);
    node.mutable_member()->set_site(site);
    node.mutable_member()->set_kind(kind);
    node.mutable_member()->set_incarnation(id + "-1");
    node.set_reached(reached);
    if (!reached) return node;
    v1::PromiseResponse& said = *node.mutable_said();
    said.set_node_id(id);
    said.set_incarnation(id + "-1");
    *said.mutable_appended() = storage::ToProto(At(0, 10));
    *said.mutable_committed() = storage::ToProto(At(0, 10));
    said.set_role(kind == v1::NODE_KIND_SERVER ? v1::NODE_ROLE_STANDBY : v1::NODE_ROLE_PROXY);
    said.set_primary_node_id("p");
    return node;
  }
  v1::NodeView& Node(const std::string& id) {
    for (v1::NodeView& node : *input_.view.mutable_nodes()) {
      if (node.member().node_id() == id) return node;
    }
    ADD_FAILURE() << id;
    return *input_.view.mutable_nodes(0);
  }
  void Sees(const std::string& from, const std::string& whom, v1::NodeRole role) {
    v1::Vantage& vantage = from == "command" ? *input_.view.mutable_command() : *Node(from).mutable_vantage();
    vantage.set_from(from);
    v1::Sighting& sighting = *vantage.add_sightings();
    sighting.set_node_id(whom);
    sighting.set_reached(true);
    sighting.set_role(role);
  }
  std::string Blocks(const v1::Plan& plan) {
    std::string names;
    for (const v1::Check& check : plan.checks()) {
      if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) names += check.name() + " ";
    }
    return names;
  }

  PlanInput input_;
};

}  // namespace holdfast::failover
