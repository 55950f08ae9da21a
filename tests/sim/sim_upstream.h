#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "replication/replica.h"
#include "tests/sim/scenario.h"

namespace holdfast::sim {

// Whom a node that relays follows: now the primary, now anybody, also nodes that a sensible policy would not
// choose, so that long chains and loops are tried. A voter seeks the primary, since acknowledgements are
// never relayed. One thread.
class SimUpstream : public replication::UpstreamPolicy {
 public:
  SimUpstream(const NodePlan& plan, Random* random, std::function<bool()> is_voter)
      : plan_(plan), random_(random), is_voter_(std::move(is_voter)) {}
  std::optional<std::string> Next(const std::vector<Candidate>& candidates,
                                  int failed_since_success) override;

 private:
  const NodePlan plan_;
  Random* const random_;
  const std::function<bool()> is_voter_;
};

}  // namespace holdfast::sim
