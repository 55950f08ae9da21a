#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "failover/node_parts.h"
#include "replication/lifetime.h"

namespace holdfast::failover {

// While this node is the primary of an epoch that an operation began, tells every member that does not follow
// it, again and again: the promise that it asks for sends a follower here, and stops a former primary that
// was only cut off and would go on for ever if nobody met it. Strand.
class Herald {
 public:
  explicit Herald(const NodeParts& node) : node_(node) {}

  // Goes on until Stop.
  void Start();
  void Stop() { life_.Renew(); }

 private:
  void Tell(const v1::NodeInfo& member);

  const NodeParts node_;
  std::map<std::string, absl::Duration> next_;  // SinceBoot: when a member is asked again
  replication::Lifetime life_;
};

}  // namespace holdfast::failover
