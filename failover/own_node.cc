#include "failover/own_node.h"

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

std::string PeerAddressOf(const replication::Replica& replica, absl::string_view node_id) {
  for (const v1::NodeInfo& member : replica.nodes()) {
    if (member.node_id() == node_id) return member.peer_address();
  }
  return "";
}

}  // namespace holdfast::failover
