#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::failover {

// While this node is the primary of an epoch that an operation began, tells every member that does not follow
// it, again and again: the promise that it asks for sends a follower here, and stops a former primary that
// was only cut off and would go on for ever if nobody met it. Strand.
class Herald {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::Replica* replica = nullptr;
    replication::PeerTransport* transport = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
  };
  explicit Herald(Options options) : options_(options) {}

  // Goes on until Stop.
  void Start();
  void Stop() { life_.Renew(); }

 private:
  void Tell(const v1::NodeInfo& member);

  const Options options_;
  std::map<std::string, absl::Duration> next_;  // SinceBoot: when a member is asked again
  replication::Lifetime life_;
};

}  // namespace holdfast::failover
