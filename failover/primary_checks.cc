#include "failover/primary_checks.h"

#include <algorithm>
#include <map>
#include <set>

namespace holdfast::failover {

std::vector<PrimarySeen> PrimariesSeen(const v1::ClusterView& view) {
  struct Seen {
    uint64_t epoch = 0;
    std::set<std::string> from;
  };
  std::map<std::string, Seen> seen;
  const auto note = [&](const std::string& node_id, v1::NodeRole role, uint64_t epoch,
                        const std::string& from) {
    if (role != v1::NODE_ROLE_PRIMARY && role != v1::NODE_ROLE_RECOVERING) return;
    Seen& one = seen[node_id];
    one.epoch = std::max(one.epoch, epoch);
    one.from.insert(from);
  };
  const auto look = [&](const v1::Vantage& vantage) {
    for (const v1::Sighting& sighting : vantage.sightings()) {
      if (sighting.reached()) note(sighting.node_id(), sighting.role(), sighting.epoch(), vantage.from());
    }
  };
  look(view.command());
  for (const v1::NodeView& node : view.nodes()) {
    look(node.vantage());
    if (node.reached())
      note(node.member().node_id(), node.said().role(), node.said().epoch(), view.gathered_by());
  }
  std::vector<PrimarySeen> primaries;
  for (const auto& [node_id, one] : seen)
    primaries.push_back({node_id, one.epoch, {one.from.begin(), one.from.end()}});
  return primaries;
}

}  // namespace holdfast::failover
