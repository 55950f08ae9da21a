#pragma once

#include "base/clock.h"
#include "base/executor.h"
#include "replication/replica.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::failover {

// The parts of its node that whatever takes part in an operation works with. They must outlive it.
struct NodeParts {
  storage::Store* store = nullptr;
  replication::Replica* replica = nullptr;
  replication::PeerTransport* transport = nullptr;
  Executor* strand = nullptr;
  Clock* clock = nullptr;
};

}  // namespace holdfast::failover
