#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "replication/replica.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {

// Whom a node that relays follows: now the primary, now anybody, also nodes that a sensible policy would not
// choose, so that long chains and loops are tried. One thread.
class SimUpstream : public replication::UpstreamPolicy {
 public:
  SimUpstream(const NodePlan& plan, Random* random) : plan_(plan), random_(random) {}
  std::optional<std::string> Next(const std::vector<Candidate>& candidates,
                                  int failed_since_success) override;

 private:
  const NodePlan plan_;
  Random* const random_;
};

}  // namespace holdfast::sim
