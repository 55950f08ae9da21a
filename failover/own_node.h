#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "failover/verdict.h"
#include "replication/replica.h"
#include "storage/store.h"

// What an operation asks of the node that it runs in. Strand.
namespace holdfast::failover {

// The log of this node as the arithmetic sees it, as it ends now. The store must outlive it.
CandidateLog OwnLog(storage::Store& store, const replication::Replica& replica);

// Where a member listens for peers; empty for one that is none.
std::string PeerAddressOf(const replication::Replica& replica, absl::string_view node_id);

}  // namespace holdfast::failover
