#include <cstdint>
#include <cstdio>
#include <set>

#include "gtest/gtest.h"
#include "tests/sim/mutants.h"
#include "tests/sim/run.h"

namespace holdfast::sim {
namespace {

constexpr uint64_t kSeeds = 2000;

// One run of all seeds: what it came across is checked as a whole, because a simulator that no longer meets
// rare events tests nothing.
TEST(SimTest, EveryInvariantHoldsOverTwoThousandSeedsAndRareEventsHappen) {
  Coverage coverage;
  absl::Duration virtual_time;
  uint64_t failed = 0;
  for (uint64_t seed = 1; seed <= kSeeds && failed < 5; ++seed) {
    std::fprintf(stderr, seed % 100 == 0 ? "seed %lu\n" : "", static_cast<unsigned long>(seed));
    const RunResult result = RunSeed(seed, /*verbose=*/false);
    coverage.Add(result.coverage);
    virtual_time += result.virtual_time;
    for (const std::string& violation : result.violations) {
      ADD_FAILURE() << "seed " << seed << " (" << result.scenario << "): " << violation
                    << "\n  replay: holdfast-sim --seed " << seed << " --verbose";
    }
    failed += result.violations.empty() ? 0 : 1;
  }
  std::printf("%s\n", Summary(kSeeds, failed, virtual_time, coverage).c_str());
  for (const std::string& what : MustHappen()) EXPECT_GT(coverage.Get(what), 0) << what << " never happened";
}

TEST(SimTest, EveryMutantIsInTheTableAndNoneIsInAnOrdinaryBuild) {
  std::set<Mutant> mutants;
  for (const MutantRow& row : MutantTable()) {
    EXPECT_TRUE(mutants.insert(row.mutant).second) << row.name;
#ifndef HOLDFAST_MUTANTS
    static_assert(!MutantActive(Mutant::kQuorumOffByOne));
    EXPECT_EQ(RunMutants(row.name, 1, 1), 2) << row.name;
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

}  // namespace
}  // namespace holdfast::sim
