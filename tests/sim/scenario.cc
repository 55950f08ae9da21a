#include "tests/sim/scenario.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

NodePlan Node(std::string id, std::string site, v1::NodeKind kind, bool voter) {
  NodePlan plan;
  plan.node_id = std::move(id);
  plan.site = std::move(site);
  plan.kind = kind;
  plan.voter = voter;
  return plan;
}

constexpr auto kServer = v1::NODE_KIND_SERVER;
constexpr auto kProxy = v1::NODE_KIND_PROXY;

// Servers of one or both kinds of site, and proxies wherever chance puts them: 3 to 12 machines, mostly few.
std::vector<NodePlan> AnyMachines(Random& random) {
  std::vector<NodePlan> nodes = {Node("dc1-a", "dc1", kServer, false), Node("dc2-a", "dc2", kServer, false)};
  const bool three_sites = random.Below(4) == 0;
  if (random.Below(2) == 0) nodes.push_back(Node("dc2-b", "dc2", kServer, false));
  if (random.Below(3) == 0) nodes.push_back(Node("dc1-b", "dc1", kServer, false));
  if (three_sites) nodes.push_back(Node("dc3-a", "dc3", kServer, false));
  const size_t size = std::min(3 + random.Below(10), 3 + random.Below(10));
  for (int number = 1; nodes.size() < size; ++number) {
    const std::string site = absl::StrCat("dc", 1 + random.Below(three_sites ? 3 : 2));
    nodes.push_back(Node(absl::StrCat(site, "-p", number), site, kProxy, false));
  }
  return nodes;
}

// One to five voters beside the first primary, in any site, and a q that they can meet.
void AnyVoters(std::vector<NodePlan>& nodes, Random& random, uint32_t* quorum) {
  const uint64_t wanted = 1 + random.Below(std::min<uint64_t>(5, nodes.size() - 1));
  uint64_t voters = 0;
  while (voters < wanted) {
    NodePlan& node = nodes[1 + random.Below(nodes.size() - 1)];
    if (!std::exchange(node.voter, true)) ++voters;
  }
  *quorum = 1 + static_cast<uint32_t>(random.Below(wanted));
}

std::vector<NodePlan> Shape(Random& random, uint32_t* quorum) {
  std::vector<NodePlan> nodes = AnyMachines(random);
  const auto vote = [&nodes](std::initializer_list<const char*> ids) {
    for (NodePlan& node : nodes) {
      const bool is_named = std::find(ids.begin(), ids.end(), node.node_id) != ids.end();
      node.voter |= is_named;
    }
  };
  switch (random.Below(6)) {
    case 0:  // a primary and its standby
      vote({"dc2-a"});
      *quorum = static_cast<uint32_t>(random.Below(4) != 0);
      break;
    case 1:
    case 2:  // the default: three voters in the other site, q = 2
      nodes = {Node("dc1-a", "dc1", kServer, false), Node("dc2-a", "dc2", kServer, true),
               Node("dc2-b", "dc2", kServer, true), Node("dc2-p1", "dc2", kProxy, true)};
      if (random.Below(2) == 0) nodes.push_back(Node("dc1-b", "dc1", kServer, false));
      for (uint64_t proxies = random.Below(4); proxies > 0; --proxies) {
        const std::string site = absl::StrCat("dc", 1 + proxies % 2);
        nodes.push_back(Node(absl::StrCat(site, "-p", 1 + proxies), site, kProxy, false));
      }
      *quorum = 2;
      break;
    case 3:  // local commits, chains of relays
      if (random.Below(3) != 0) return AnyVoters(nodes, random, quorum), nodes;
      *quorum = 0;
      break;
    case 4:  // a pair of standbys, if there is one
      vote({"dc2-a", "dc2-b"});
      *quorum = 1 + static_cast<uint32_t>(nodes[2].voter && random.Below(2) == 0);
      break;
    default:
      AnyVoters(nodes, random, quorum);
      break;
  }
  return nodes;
}

}  // namespace

Scenario MakeScenario(uint64_t seed) {
  const std::unique_ptr<Random> random = SeededRandom(seed * 2 + 1);
  Scenario scenario;
  scenario.seed = seed;
  scenario.nodes = Shape(*random, &scenario.quorum);
  for (NodePlan& node : scenario.nodes) {
    node.clock_rate = 1.0 + (random->Fraction() - 0.5) * 0.004;
    node.relays = !node.voter && node.kind == kProxy && random->Below(2) == 0;
    node.late = !node.voter && node.node_id != scenario.nodes.front().node_id && random->Below(8) == 0;
  }
  scenario.active = absl::Seconds(12 + static_cast<int64_t>(random->Below(12)));
  scenario.commit_every = absl::Milliseconds(25 + static_cast<int64_t>(random->Below(40)));
  scenario.fault_every =
      random->Below(12) == 0 ? absl::InfiniteDuration() : absl::Milliseconds(900 + random->Below(2000));
  scenario.operate_every = absl::Milliseconds(1000 + static_cast<int64_t>(random->Below(2500)));
  scenario.compacts = random->Below(2) == 0;
  scenario.takes_over = random->Below(6) != 0;
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
    absl::StrAppend(&text, " ", node.node_id, node.voter ? "(voter)" : "", node.relays ? "(relays)" : "",
                    node.late ? "(late)" : "");
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
