#include "tests/sim/run.h"

#include "absl/strings/str_cat.h"
#include "storage/sqlite_memory_vfs.h"
#include "tests/sim/clients.h"
#include "tests/sim/faults.h"
#include "tests/sim/operators.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sessions.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/watchers.h"

namespace holdfast::sim {
namespace {

// I10: how long reachable nodes may take after the last fault: connections that hang in a keep-alive, a
// snapshot, and an operator who needs a few attempts.
constexpr absl::Duration kConvergence = absl::Seconds(120);

// A record that changes the rule, and who holds it.
std::string Describe(const Entry& entry) {
  std::string text = absl::StrCat(entry.position.ToString(), " q=", entry.rule->quorum(), " of");
  for (const v1::Voter& voter : entry.rule->voters()) {
    absl::StrAppend(&text, " ", voter.node_id(), "/", voter.incarnation().substr(0, 6));
  }
  absl::StrAppend(&text, "; held by");
  for (const auto& [holder, promised] : entry.holders)
    absl::StrAppend(&text, " ", holder.first, "/", holder.second.substr(0, 6));
  return text;
}

void Converge(World& world, SimCluster& cluster, Operators& operators, Writers& writers,
              const Watchers& watchers) {
  const absl::Duration deadline = world.time.now() + kConvergence;
  bool acknowledged = false;
  bool asked = false;
  while (world.time.now() < deadline && world.violations.empty()) {
    if (!operators.Settled()) {
      operators.Settle();
    } else if (acknowledged && cluster.Converged() &&
               watchers.CaughtUp(world.checker.facts(cluster.primary()).end)) {
      return;
    } else if (!acknowledged && !asked) {
      asked = true;
      writers.CommitOne([&](bool ok) {
        acknowledged = ok;
        asked = false;
      });
    }
    world.time.RunFor(absl::Milliseconds(500));
  }
  if (!world.violations.empty()) return;
  world.violations.Add(
      "I10", absl::StrCat("no convergence ", absl::FormatDuration(kConvergence),
                          " after the last fault: ", operators.Settled() ? "" : "no primary can be settled; ",
                          acknowledged ? (cluster.Converged() ? "a watch was not told everything" : "")
                                       : "no commit is acknowledged"));
  for (const Entry* at = world.checker.facts(cluster.primary()).end; at != nullptr; at = at->parent) {
    if (at->rule_entry == at) world.story.Note("RULE", Describe(*at));
    if (at == world.checker.facts(cluster.primary()).visible) break;
  }
  for (const auto& node : cluster.nodes()) {
    world.story.Note(node->id(), node->is_up()
                                     ? absl::StrCat("ends ", node->store().appended().ToString(), ", shows ",
                                                    node->store().visible().ToString(), ", promised ",
                                                    node->store().node().promise().epoch(), "; ",
                                                    node->replica().view().activity)
                                     : "is down");
  }
}

}  // namespace

RunResult RunSeed(uint64_t seed, bool verbose) {
  storage::SeedSqliteRandomness(static_cast<uint32_t>(seed % 0xffff'fffe) + 1);
  RunResult result;
  const Scenario scenario = MakeScenario(seed);
  World world(scenario, verbose);
  world.story.Note("RUN", absl::StrCat("seed ", seed, ": ", scenario.ToString()));
  {
    SimCluster cluster(&world);
    Writers writers(&cluster);
    Readers readers(&cluster);
    Watchers watchers(&cluster);
    Sessions sessions(&cluster);
    Faults faults(&cluster);
    Operators operators(&cluster);
    if (!cluster.Form()) {
      world.violations.Add("I10", "no cluster could be formed");
    } else {
      writers.Start();
      readers.Start();
      watchers.Start();
      sessions.Start();
      faults.Start();
      operators.Start();
      const absl::Duration end = world.time.now() + scenario.active;
      world.time.RunUntil([&] { return !world.violations.empty() || world.time.now() >= end; },
                          scenario.active);
      world.story.Note("RUN", "the last fault is over");
      faults.EndAll();
      writers.Stop();
      operators.Stop();
      watchers.Settle();
      Converge(world, cluster, operators, writers, watchers);
      readers.Stop();
      sessions.Stop();
    }
    if (world.violations.empty()) {
      std::vector<std::string> ids;
      for (const auto& node : cluster.nodes()) {
        ids.push_back(node->id());
        readers.ReadAll(*node);
      }
      world.checker.CheckEnd(cluster.primary(), ids);
      operators.CheckJournals();
      for (const auto& node : cluster.nodes()) readers.ListAll(*node);
    }
    cluster.EndAll();  // while everybody is there whom its last words may reach
    world.coverage.Count("messages", world.network.counters().messages);
    world.coverage.Count("messages_lost", world.network.counters().lost);
    world.coverage.Count("chunks_altered", world.network.counters().altered_chunks);
  }
  result.seed = seed;
  result.scenario = scenario.ToString();
  result.violations = world.violations.lines();
  result.last_lines.assign(world.story.last_lines().begin(), world.story.last_lines().end());
  result.coverage = world.coverage;
  result.virtual_time = world.time.now();
  result.event_count = world.time.event_count();
  return result;
}

}  // namespace holdfast::sim
