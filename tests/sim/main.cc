// holdfast-sim: whole clusters in one thread on virtual time, one per seed.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/sim/campaign.h"
#include "tests/sim/ledger.h"
#include "tests/sim/mutants.h"
#include "tests/sim/rare_events.h"
#include "tests/sim/run.h"

namespace holdfast::sim {
namespace {

constexpr uint64_t kMutantSeeds = 5000;

struct Arguments {
  uint64_t seed = 0;
  uint64_t seeds = 0;
  uint64_t first_seed = 1;
  int jobs = 0;
  bool quiet = false;
  bool coverage = false;
  bool rare = false;
  std::string mutant;
  LedgerEntry ledger;
};

// A check of the code under test may end the process: say which seed did it.
char g_seed_line[64];
void OnAbort(int) {
  (void)!write(STDERR_FILENO, g_seed_line, std::strlen(g_seed_line));
  _exit(1);
}

void Report(const RunResult& result) {
  std::printf("seed %lu failed (%s)\n", static_cast<unsigned long>(result.seed), result.scenario.c_str());
  for (const std::string& line : result.last_lines) std::printf("  %s\n", line.c_str());
  for (const std::string& line : result.violations) std::printf("  VIOLATION %s\n", line.c_str());
  std::printf("  replay: ./dev sim --seed %lu\n", static_cast<unsigned long>(result.seed));
}

void PrintCoverage(const Arguments& arguments, const Coverage& coverage) {
  if (arguments.rare) std::fputs(RareEventTable(coverage).c_str(), stdout);
  if (!arguments.coverage) return;
  for (const auto& [what, count] : coverage.counts())
    std::printf("%-36s %ld\n", what.c_str(), static_cast<long>(count));
}

// One seed in this process, with its story.
int Replay(const Arguments& arguments) {
  std::signal(SIGABRT, OnAbort);
  std::snprintf(g_seed_line, sizeof g_seed_line, "aborted in seed %lu\n",
                static_cast<unsigned long>(arguments.seed));
  const RunResult result = RunSeed(arguments.seed, /*verbose=*/!arguments.quiet);
  if (!result.violations.empty()) Report(result);
  PrintCoverage(arguments, result.coverage);
  std::printf("seed %lu %s: %s, %ld commits acknowledged, %ld faults, %.1f virtual seconds, %lu events\n",
              static_cast<unsigned long>(result.seed), result.violations.empty() ? "passed" : "failed",
              result.scenario.c_str(), static_cast<long>(result.coverage.Get("commits_acknowledged")),
              static_cast<long>(result.coverage.Get("faults")), absl::ToDoubleSeconds(result.virtual_time),
              static_cast<unsigned long>(result.event_count));
  return result.violations.empty() ? 0 : 1;
}

int RunMany(const Arguments& arguments) {
  CampaignOptions options;
  options.first_seed = arguments.first_seed;
  options.seeds = arguments.seeds;
  options.jobs = arguments.jobs;
  options.on_failed = Report;
  const bool shows_progress = isatty(STDERR_FILENO) != 0;
  const uint64_t step = shows_progress ? 10 : 1000;
  options.on_done = [&](uint64_t done) {
    if (done % step != 0 || done == arguments.seeds) return;
    std::fprintf(stderr, shows_progress ? "\r%lu of %lu seeds" : "%lu of %lu seeds\n",
                 static_cast<unsigned long>(done), static_cast<unsigned long>(arguments.seeds));
  };
  const CampaignResult result = RunCampaign(options);
  if (shows_progress) std::fputs("\r\033[K", stderr);
  PrintCoverage(arguments, result.coverage);
  bool is_kept = true;
  if (!arguments.ledger.path.empty()) {
    LedgerEntry entry = arguments.ledger;
    entry.first_seed = arguments.first_seed;
    const absl::Status kept = AppendToLedger(entry, result);
    is_kept = kept.ok();
    if (!is_kept) std::fprintf(stderr, "the ledger was not written: %s\n", kept.ToString().c_str());
  }
  std::printf("%s\n", Summary(result).c_str());
  return result.failed == 0 && is_kept ? 0 : 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Runs whole clusters in one thread on virtual time, one for each seed, and checks the invariants.\n"
      "Exit status: 0 all of them held, 1 one was broken, 2 bad usage.",
      "holdfast-sim");
  app.footer(
      "Examples:\n"
      "  holdfast-sim --seeds 500               500 seeds on all cores, the summary is the last line\n"
      "  holdfast-sim --seed 42                 one seed, with its story\n"
      "  holdfast-sim --seeds 2000 --rare       and which rare events came up\n"
      "  holdfast-sim --mutant ack-before-append    how soon a planted bug is found (build with "
      "HOLDFAST_MUTANTS)");
  auto* const one = app.add_option("--seed", arguments.seed, "replay this seed and tell what happens in it");
  auto* const many = app.add_option("--seeds", arguments.seeds, "how many seeds")->check(CLI::PositiveNumber);
  app.add_option("--first-seed", arguments.first_seed, "the first of them")->capture_default_str();
  app.add_option("--jobs", arguments.jobs, "processes at work; 0: one for each core")
      ->check(CLI::Range(0, 256));
  app.add_flag("--quiet", arguments.quiet, "with --seed: no story");
  app.add_flag("--rare", arguments.rare, "the rare events, and how often each came up");
  app.add_flag("--coverage", arguments.coverage, "all counters");
  auto* const mutant =
      app.add_option("--mutant", arguments.mutant, "plant this bug, or 'all' one after the other");
  app.add_option("--ledger", arguments.ledger.path, "append the figures to this file, as JSON");
  app.add_option("--commit", arguments.ledger.commit, "what the ledger is to call the tree");
  app.add_option("--code", arguments.ledger.code, "a hash over what was tested, for the ledger");
  one->excludes(many)->excludes(mutant);
  try {
    app.parse(argc, argv);
    if (one->count() + many->count() + mutant->count() == 0)
      throw CLI::RequiredError("--seed, --seeds or --mutant");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (mutant->count() > 0) {
    MutantSearch search;
    search.name = arguments.mutant;
    search.first_seed = arguments.first_seed;
    search.seeds = arguments.seeds != 0 ? arguments.seeds : kMutantSeeds;
    search.jobs = arguments.jobs;
    search.ledger = arguments.ledger;
    return RunMutants(search);
  }
  return one->count() > 0 ? Replay(arguments) : RunMany(arguments);
}

}  // namespace
}  // namespace holdfast::sim

int main(int argc, char** argv) { return holdfast::sim::Main(argc, argv); }
