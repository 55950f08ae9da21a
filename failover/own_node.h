#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "failover/verdict.h"
#include "replication/replica.h"
#include "storage/store.h"

// What an operation asks of the node that it runs in. Strand.
namespace holdfast::failover {

// The log of this node as the arithmetic sees it, as it ends now. The store must outlive it.
CandidateLog OwnLog(storage::Store& store, const replication::Replica& replica);

// Members, and those whose removal is not known to be committed, in node id order: everybody whose promise
// may count.
std::vector<v1::NodeInfo> NodesToAsk(const replication::Replica& replica);

// Where one of them listens for peers; empty for any other.
std::string PeerAddressOf(const replication::Replica& replica, absl::string_view node_id);

}  // namespace holdfast::failover
