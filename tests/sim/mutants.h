#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutants.h"
#include "tests/sim/ledger.h"

namespace holdfast::sim {

// A bug that can be planted, and what it breaks.
struct MutantRow {
  Mutant mutant;
  const char* name;
  const char* rules;
  const char* what;
  // Who is to find it where clusters are seldom harmed by it, or never (another rule stands behind it):
  // "<program> <GoogleTest filter>". Null: the simulator.
  const char* test = nullptr;
};
const std::vector<MutantRow>& MutantTable();

struct MutantSearch {
  std::string name;  // of a row, or "all"
  uint64_t first_seed = 1;
  uint64_t seeds = 5000;  // at most, for each
  int jobs = 0;           // as CampaignOptions has it
  LedgerEntry ledger;     // without a path: none is kept
};

// Runs seeds with each of the mutants until the checker finds it, or the test that is to find it, and prints
// a table. The exit status: 0 all were found, 1 one was not, 2 no such mutant, or a build without them.
int RunMutants(const MutantSearch& search);

}  // namespace holdfast::sim
