#include "failover/check_parts.h"

#include <algorithm>

namespace holdfast::failover {

v1::Check Passed(const std::string& name, const std::string& seen) {
  v1::Check check;
  check.set_name(name);
  check.set_outcome(v1::CHECK_OUTCOME_PASSED);
  check.set_seen(seen);
  return check;
}

v1::Check Not(v1::CheckOutcome outcome, const std::string& name, const std::string& node_id,
              const std::string& seen, const std::string& needed, const std::string& next_command) {
  v1::Check check;
  check.set_name(name);
  check.set_outcome(outcome);
  check.set_node_id(node_id);
  check.set_seen(seen);
  check.set_needed(needed);
  check.set_next_command(next_command);
  return check;
}

const v1::NodeInfo* Member(const v1::ClusterView& view, const std::string& node_id) {
  for (const v1::NodeView& node : view.nodes()) {
    if (node.member().node_id() == node_id) return &node.member();
  }
  return nullptr;
}

bool IsAssertedDown(const v1::Overrides& overrides, const v1::NodeInfo* member) {
  return member != nullptr && std::count(overrides.assert_sites_down().begin(),
                                         overrides.assert_sites_down().end(), member->site()) > 0;
}

std::string Again(const PlanInput& input, const std::function<void(v1::Overrides*)>& change) {
  v1::Overrides overrides = input.overrides;
  change(&overrides);
  return CommandAgain(input.kind, input.candidate.self.node_id, overrides);
}

}  // namespace holdfast::failover
