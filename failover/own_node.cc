#include "failover/own_node.h"

#include <algorithm>
#include <utility>

#include "replication/store_log.h"

namespace holdfast::failover {

CandidateLog OwnLog(storage::Store& store, const replication::Replica& replica) {
  const storage::NodeStore::Identity& self = store.node().identity();
  const Position end = store.appended();
  return {{self.node_id, self.incarnation},
          end,
          [&store, end](const Position& at) { return replication::StoreLog(&store, end).HasOrHad(at); },
          replication::RulesFrom(store, Revision()),
          FormerRule(replica.cluster())};
}

std::vector<v1::NodeInfo> NodesToAsk(const replication::Replica& replica) {
  std::vector<v1::NodeInfo> nodes = replica.nodes();
  for (v1::NodeInfo& leaving : replica.leaving()) nodes.push_back(std::move(leaving));
  std::sort(nodes.begin(), nodes.end(), [](const v1::NodeInfo& left, const v1::NodeInfo& right) {
    return left.node_id() < right.node_id();
  });
  return nodes;
}

std::string PeerAddressOf(const replication::Replica& replica, absl::string_view node_id) {
  for (const v1::NodeInfo& member : NodesToAsk(replica)) {
    if (member.node_id() == node_id) return member.peer_address();
  }
  return "";
}

}  // namespace holdfast::failover
