#include "tests/sim/scenario.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

NodePlan Node(const char* id, const char* site, v1::NodeKind kind, bool voter) {
  NodePlan plan;
  plan.node_id = id;
  plan.site = site;
  plan.kind = kind;
  plan.voter = voter;
  return plan;
}

std::vector<NodePlan> Shape(Random& random, uint32_t* quorum) {
  constexpr auto kServer = v1::NODE_KIND_SERVER;
  constexpr auto kProxy = v1::NODE_KIND_PROXY;
  std::vector<NodePlan> nodes = {Node("dc1-a", "dc1", kServer, false)};
  switch (random.Below(5)) {
    case 0:  // a primary and its standby
      nodes.push_back(Node("dc2-a", "dc2", kServer, true));
      nodes.push_back(Node("dc1-p1", "dc1", kProxy, false));
      *quorum = static_cast<uint32_t>(random.Below(2));
      break;
    case 1:  // the default: three voters in the other site, q = 2
      nodes.push_back(Node("dc2-a", "dc2", kServer, true));
      nodes.push_back(Node("dc2-b", "dc2", kServer, true));
      nodes.push_back(Node("dc2-p1", "dc2", kProxy, true));
      nodes.push_back(Node("dc1-p1", "dc1", kProxy, false));
      *quorum = 2;
      break;
    case 2:  // local commits, a chain of relays
      nodes.push_back(Node("dc2-a", "dc2", kServer, false));
      nodes.push_back(Node("dc2-p1", "dc2", kProxy, false));
      nodes.push_back(Node("dc2-p2", "dc2", kProxy, false));
      *quorum = 0;
      break;
    case 3:  // a pair of standbys
      nodes.push_back(Node("dc2-a", "dc2", kServer, true));
      nodes.push_back(Node("dc2-b", "dc2", kServer, true));
      nodes.push_back(Node("dc2-p1", "dc2", kProxy, false));
      *quorum = 1 + static_cast<uint32_t>(random.Below(2));
      break;
    default:  // proxies that feed each other
      nodes.push_back(Node("dc2-a", "dc2", kServer, true));
      nodes.push_back(Node("dc1-p1", "dc1", kProxy, false));
      nodes.push_back(Node("dc2-p1", "dc2", kProxy, false));
      nodes.push_back(Node("dc2-p2", "dc2", kProxy, false));
      *quorum = 1;
      break;
  }
  for (NodePlan& node : nodes) {
    node.clock_rate = 1.0 + (random.Fraction() - 0.5) * 0.004;
    node.relays = !node.voter && node.kind == kProxy && random.Below(2) == 0;
  }
  return nodes;
}

}  // namespace

Scenario MakeScenario(uint64_t seed) {
  const std::unique_ptr<Random> random = SeededRandom(seed * 2 + 1);
  Scenario scenario;
  scenario.seed = seed;
  scenario.nodes = Shape(*random, &scenario.quorum);
  scenario.active = absl::Seconds(8 + static_cast<int64_t>(random->Below(12)));
  scenario.commit_every = absl::Milliseconds(200 + static_cast<int64_t>(random->Below(400)));
  scenario.fault_every =
      random->Below(10) == 0 ? absl::InfiniteDuration() : absl::Milliseconds(700 + random->Below(2000));
  scenario.operate_every = absl::Seconds(3 + static_cast<int64_t>(random->Below(6)));
  scenario.compacts = random->Below(2) == 0;
  scenario.takes_over = random->Below(2) == 0;
  if (scenario.takes_over) scenario.operate_every = scenario.operate_every * 0.7;
  scenario.between_sites.min_delay = absl::Milliseconds(1 + static_cast<int64_t>(random->Below(20)));
  scenario.between_sites.max_delay = scenario.between_sites.min_delay * 2;
  for (testing::SimNetwork::LinkOptions* link : {&scenario.inside_site, &scenario.between_sites}) {
    if (random->Below(2) == 0) link->straggler_chance = 0.05;
    if (random->Below(3) == 0) link->loss = 0.01;
    if (random->Below(3) == 0) link->duplicate = 0.2;
    if (random->Below(4) == 0) link->alter = 0.1;
  }
  return scenario;
}

std::string Scenario::ToString() const {
  std::string text =
      absl::StrCat("q=", quorum, compacts ? ", compacts" : "", takes_over ? ", takes over" : "", ";");
  for (const NodePlan& node : nodes) {
    absl::StrAppend(&text, " ", node.node_id, node.voter ? "(voter)" : "", node.relays ? "(relays)" : "");
  }
  return text;
}

std::string Key(uint64_t number) { return absl::StrCat("k/", number % 12); }

std::string AnyKey(Random& random) { return Key(random.Next64()); }

absl::Duration Around(absl::Duration mean, Random& random) {
  if (mean == absl::InfiniteDuration()) return mean;
  return mean * std::min(8.0, -std::log(1.0 - random.Fraction()));
}

}  // namespace holdfast::sim
