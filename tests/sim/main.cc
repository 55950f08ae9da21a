// holdfast-sim: whole clusters in one thread on virtual time, one per seed.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/mutants.h"
#include "tests/sim/run.h"

namespace {

using holdfast::sim::Coverage;
using holdfast::sim::RunResult;

constexpr char kUsage[] =
    "usage: holdfast-sim --seeds N [--first-seed S] [--coverage] | --seed S [--verbose]\n"
    "       holdfast-sim --mutant NAME|all [--seeds N]   (a build with HOLDFAST_MUTANTS)\n"
    "Exit status: 0 all invariants held, 1 one was broken, 2 bad usage.\n";

struct Arguments {
  uint64_t first_seed = 1;
  uint64_t seeds = 0;  // 0: one, or for a mutant as many as it is to be found in
  bool verbose = false;
  bool show_coverage = false;
  std::string mutant;
};

// A check of the code under test may end the process: say which seed did it.
char g_seed_line[64];
void OnAbort(int) {
  (void)!write(STDERR_FILENO, g_seed_line, std::strlen(g_seed_line));
  _exit(1);
}

bool Parse(int argc, char** argv, Arguments* arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--verbose") {
      arguments->verbose = true;
    } else if (name == "--coverage") {
      arguments->show_coverage = true;
    } else if (name == "--mutant" && i + 1 < argc) {
      arguments->mutant = argv[++i];
    } else if ((name == "--seeds" || name == "--seed" || name == "--first-seed") && i + 1 < argc) {
      uint64_t* const target = name == "--seeds" ? &arguments->seeds : &arguments->first_seed;
      if (!absl::SimpleAtoi(argv[++i], target)) return false;
    } else {
      return false;
    }
  }
  return argc > 1;
}

void Report(const RunResult& result) {
  std::printf("seed %lu failed (%s)\n", static_cast<unsigned long>(result.seed), result.scenario.c_str());
  for (const std::string& line : result.last_lines) std::printf("  %s\n", line.c_str());
  for (const std::string& line : result.violations) std::printf("  VIOLATION %s\n", line.c_str());
  std::printf("  replay: holdfast-sim --seed %lu --verbose\n", static_cast<unsigned long>(result.seed));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::signal(SIGABRT, OnAbort);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (!arguments.mutant.empty())
    return holdfast::sim::RunMutants(arguments.mutant, arguments.first_seed,
                                     arguments.seeds ? arguments.seeds : 2000);
  arguments.seeds = std::max<uint64_t>(arguments.seeds, 1);
  Coverage coverage;
  absl::Duration virtual_time;
  uint64_t failed = 0;
  for (uint64_t seed = arguments.first_seed; seed < arguments.first_seed + arguments.seeds; ++seed) {
    std::snprintf(g_seed_line, sizeof g_seed_line, "aborted in seed %lu\n", static_cast<unsigned long>(seed));
    const RunResult result = holdfast::sim::RunSeed(seed, arguments.verbose);
    coverage.Add(result.coverage);
    virtual_time += result.virtual_time;
    if (result.violations.empty()) continue;
    ++failed;
    if (failed <= 5) Report(result);
  }
  if (arguments.show_coverage) {
    for (const auto& [what, count] : coverage.counts()) {
      std::printf("%-36s %ld\n", what.c_str(), static_cast<long>(count));
    }
  }
  std::printf("%s\n", holdfast::sim::Summary(arguments.seeds, failed, virtual_time, coverage).c_str());
  return failed == 0 ? 0 : 1;
}
