#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutants.h"

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

// Runs seeds with each of the named mutants ("all": every one) until the checker finds it, at most `seeds`
// each, or the test that is to find it, and prints a table. A mutant runs in a process of its own: finding it
// may mean that a check of the code ends that. The exit status: 0 all were found, 1 one was not, 2 no such
// mutant, or a build without them.
int RunMutants(const std::string& name, uint64_t first_seed, uint64_t seeds);

}  // namespace holdfast::sim
