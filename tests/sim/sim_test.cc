#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "gtest/gtest.h"
#include "tests/sim/campaign.h"
#include "tests/sim/mutants.h"
#include "tests/sim/rare_events.h"
#include "tests/sim/run.h"

namespace holdfast::sim {
namespace {

constexpr uint64_t kSeeds = 500;

// One run of all seeds: what it came across is checked as a whole, because a simulator that no longer meets
// rare events tests nothing.
TEST(SimTest, EveryInvariantHoldsAndRareEventsHappen) {
  CampaignOptions options;
  options.seeds = kSeeds;
  options.jobs = 1;
  options.on_done = [](uint64_t done) {
    std::fprintf(stderr, done % 100 == 0 ? "%lu seeds\n" : "", static_cast<unsigned long>(done));
  };
  options.on_failed = [](const RunResult& result) {
    ADD_FAILURE() << "seed " << result.seed << " (" << result.scenario << "): " << result.violations.front()
                  << "\n  replay: ./dev sim --seed " << result.seed;
  };
  const CampaignResult result = RunCampaign(options);
  std::printf("%s\n%s", Summary(result).c_str(), RareEventTable(result.coverage).c_str());
  EXPECT_GE(CampaignResult::Median(result.acknowledged), 300);
  EXPECT_GE(CampaignResult::Median(result.faults), 5);
  EXPECT_GE(result.PromotionShare(), 0.5);
  for (const std::string& what : OrdinaryEvents())
    EXPECT_GT(result.coverage.Get(what), 0) << what << " never happened";
  // The rarest come up once in some thousands of seeds: a campaign demands all of them.
  int met = 0;
  for (const RareEvent& event : RareEvents()) met += result.coverage.Get(event.counter) > 0;
  EXPECT_GE(met, 25);
}

TEST(SimTest, EveryMutantIsInTheTableAndNoneIsInAnOrdinaryBuild) {
  std::set<Mutant> mutants;
  for (const MutantRow& row : MutantTable()) {
    EXPECT_TRUE(mutants.insert(row.mutant).second) << row.name;
#ifndef HOLDFAST_MUTANTS
    static_assert(!MutantActive(Mutant::kQuorumOffByOne));
    MutantSearch search;
    search.name = row.name;
    EXPECT_EQ(RunMutants(search), 2) << row.name;
#endif
  }
  EXPECT_EQ(mutants.size(), static_cast<size_t>(Mutant::kMutantCount) - 1);
}

TEST(SimTest, TheSameSeedGivesTheSameRun) {
  for (const uint64_t seed : {3, 11, 42}) {
    const RunResult first = RunSeed(seed, false);
    const RunResult second = RunSeed(seed, false);
    EXPECT_EQ(first.event_count, second.event_count) << "seed " << seed;
    EXPECT_EQ(first.last_lines, second.last_lines) << "seed " << seed;
    EXPECT_EQ(first.coverage.counts(), second.coverage.counts()) << "seed " << seed;
  }
}

TEST(SimTest, ASeedRunsInACampaignAsItDoesAlone) {
  const RunResult alone = RunSeed(7, false);
  CampaignOptions options;
  options.first_seed = 6;
  options.seeds = 2;
  options.jobs = 1;
  Coverage before = RunSeed(6, false).coverage;
  before.Add(alone.coverage);
  EXPECT_EQ(RunCampaign(options).coverage.counts(), before.counts());
}

// What a check of the code under test does to the process.
TEST(SimTest, ASeedThatEndsItsProcessHasFailedAndTheOthersAreRun) {
  CampaignOptions options;
  options.seeds = 4;
  options.jobs = 2;
  uint64_t failed_seed = 0;
  options.on_failed = [&](const RunResult& result) { failed_seed = result.seed; };
  options.before_seed = [](uint64_t seed) {
    if (seed == 2) std::abort();
  };
  const CampaignResult result = RunCampaign(options);
  EXPECT_EQ(result.seeds, 4);
  EXPECT_EQ(result.failed, 1);
  EXPECT_EQ(failed_seed, 2);
}

}  // namespace
}  // namespace holdfast::sim
