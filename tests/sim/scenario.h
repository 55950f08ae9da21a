#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/random.h"
#include "holdfast/v1/record.pb.h"
#include "tests/support/sim_network.h"

namespace holdfast::sim {

// One machine with one node on it. Its peer address is its node id.
struct NodePlan {
  std::string node_id;
  std::string site;
  v1::NodeKind kind = v1::NODE_KIND_SERVER;
  bool voter = false;
  double clock_rate = 1.0;
  bool relays = false;  // may follow other replicas than the primary
  bool late = false;    // becomes a member while the cluster runs
};

// Everything that a seed decides before the run begins. What happens during the run is drawn from the same
// seed.
struct Scenario {
  uint64_t seed = 0;
  std::vector<NodePlan> nodes;  // the first is the first primary
  uint32_t quorum = 0;
  absl::Duration active;         // clients and faults act so long
  absl::Duration commit_every;   // mean
  absl::Duration fault_every;    // mean; infinite: a quiet run
  absl::Duration operate_every;  // mean between operator actions
  bool compacts = false;         // small logs: followers that were away need a snapshot
  bool takes_over = false;       // operators move the primary by hand
  testing::SimNetwork::LinkOptions inside_site;
  testing::SimNetwork::LinkOptions between_sites;

  std::string ToString() const;
};

Scenario MakeScenario(uint64_t seed);

// The keys that clients use are k/0 to k/11. Any of them; `number` modulo their count.
std::string Key(uint64_t number);
std::string AnyKey(Random& random);

// Exponentially distributed around `mean`, at most eight times it.
absl::Duration Around(absl::Duration mean, Random& random);

}  // namespace holdfast::sim
