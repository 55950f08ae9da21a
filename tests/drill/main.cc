// holdfast-drill: loses a site of a real cluster, promotes, verifies, brings the site back (DESIGN.md).
#include <signal.h>
#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/random.h"
#include "tests/drill/keeper.h"
#include "tests/drill/run.h"
#include "tests/drill/summary.h"
#include "tests/process/site_networks.h"

namespace holdfast::drill {
namespace {

constexpr int kUnable = 77;  // as test runners know it

struct Arguments {
  RunOptions run;
  std::string loss = "kill";
  int runs = 1;
  std::string directory;
  bool stay = false;
  bool keep = false;
  bool json = false;
};

// SIGINT, SIGTERM and SIGHUP end the drill in good order. Blocked before any thread is made, so that only the
// thread of this object hears them.
class Interrupts {
 public:
  explicit Interrupts(Halt* halt) {
    sigemptyset(&set_);
    for (const int signal_number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, signal_number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    thread_ = std::thread([this, halt] {
      const timespec look = {0, 200'000'000};
      while (!done_.is_said()) {
        if (sigtimedwait(&set_, nullptr, &look) > 0) halt->Now();
      }
    });
  }
  ~Interrupts() {
    done_.Now();
    thread_.join();
  }

 private:
  sigset_t set_;
  Halt done_;
  std::thread thread_;
};

// A directory of its own for all runs.
std::string MakeDirectory(const std::string& wanted) {
  if (!wanted.empty()) {
    std::filesystem::create_directories(wanted);
    return std::filesystem::absolute(wanted).lexically_normal().string();
  }
  std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-drill-XXXXXX").string();
  return mkdtemp(pattern.data()) == nullptr ? "" : pattern;
}

std::vector<Loss> LossesOf(const Arguments& arguments) {
  const std::vector<Loss> all = {Loss::kKill, Loss::kCut, Loss::kPartition, Loss::kOneWay};
  if (arguments.run.switchovers > 0) return {Loss::kKill};
  if (arguments.loss == "all") return all;
  if (arguments.loss == "both") return {Loss::kKill, Loss::kCut};
  for (const Loss loss : all) {
    if (arguments.loss == NameOf(loss)) return {loss};
  }
  return {};
}

// The very command, but for the programs' and the machine's own chances.
std::string Again(const RunOptions& options) {
  std::string command = options.switchovers > 0
                            ? absl::StrCat("--switchovers ", options.switchovers)
                            : absl::StrCat("--lose ", options.lost, " --loss ", NameOf(options.loss));
  absl::StrAppend(&command, " --keys ", options.keys, " --proxies ", options.proxies_per_site, " --reads ",
                  options.reads_per_second, " --writes ", options.writes_per_second, " --seed ",
                  options.seed);
  return absl::StrCat("./dev drill ", command, options.fail_back ? "" : " --stay",
                      options.timed ? "" : " --untimed");
}

// Where to begin: the seed, the directory, and which files tell most.
void SayWhatToLookAt(const Outcome& outcome, const RunOptions& options) {
  std::cerr << "drill: FAILED with seed " << outcome.seed << "; data and logs: " << outcome.directory << "\n";
  for (const std::string& finding : outcome.findings) std::cerr << "drill:   " << finding << "\n";
  if (!outcome.error.empty()) std::cerr << "drill:   stopped: " << outcome.error << "\n";
  for (const std::string& path : outcome.look_at) std::cerr << "drill:   look at " << path << "\n";
  std::cerr << "drill:   again: " << Again(options) << std::endl;
}

int Report(const Arguments& arguments, std::vector<Outcome> outcomes) {
  const bool is_one = outcomes.size() == 1;
  const std::string alone = !is_one ? "" : arguments.json ? ToJson(outcomes[0]) + "\n" : ToText(outcomes[0]);
  const Summary summary(std::move(outcomes), arguments.run.timed);
  std::cout << (is_one           ? alone
                : arguments.json ? summary.ToJson() + "\n"
                                 : "\n" + summary.ToText())
            << std::flush;
  for (const Target& target : summary.targets()) {
    if (!target.met())
      std::cerr << "drill: FAILED: the median of " << target.figure << " is " << target.median
                << ", and less than " << target.below << " is promised\n";
  }
  return summary.passed() ? 0 : 1;
}

int RunAll(const Arguments& arguments, const std::string& root) {
  const Keeper keeper(root);  // before there is any thread
  Halt halt;
  const Interrupts interrupts(&halt);
  signal(SIGPIPE, SIG_IGN);
  const std::vector<Loss> losses = LossesOf(arguments);
  const size_t run_count = losses.size() * static_cast<size_t>(arguments.runs);
  std::vector<Outcome> outcomes;
  bool all_passed = true;
  while (outcomes.size() < run_count && !halt.is_said()) {
    RunOptions options = arguments.run;
    options.loss = losses[outcomes.size() % losses.size()];
    options.fail_back = !arguments.stay;
    options.seed += outcomes.size();
    options.directory = absl::StrCat(root, "/run-", outcomes.size() + 1);
    if (run_count > 1) std::cerr << "drill: run " << outcomes.size() + 1 << " of " << run_count << "\n";
    const Outcome& outcome = outcomes.emplace_back(RunDrill(options, halt, RealClock(), std::cerr));
    if (run_count > 1 && !arguments.json) std::cout << ToText(outcome) << std::flush;
    if (!outcome.passed()) SayWhatToLookAt(outcome, options);
    all_passed = all_passed && outcome.passed();
    std::error_code ignored;
    if (outcome.passed() && !arguments.keep) std::filesystem::remove_all(options.directory, ignored);
  }
  if (!all_passed || arguments.keep) {
    std::cerr << "drill: logs and data are left in " << root << "\n";
  } else {
    std::error_code ignored;  // it may be the user's own, with other things in it
    std::filesystem::remove(root, ignored);
  }
  const int exit_status = outcomes.empty() ? 1 : Report(arguments, std::move(outcomes));
  return halt.is_said() ? 1 : exit_status;
}

// Before the first thread: 0, or the exit status to end with.
int EnterNetworks(const Arguments& arguments) {
  for (const Loss loss : LossesOf(arguments)) {
    if (arguments.run.switchovers > 0 || !LivesOn(loss)) continue;
    const absl::Status isolated = testing::SiteNetworks::Isolate();
    if (isolated.ok()) return 0;
    std::cerr << "drill: SKIPPED: sites cannot be cut off on this machine: " << isolated.message() << "\n";
    return kUnable;
  }
  return 0;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  arguments.run.seed = SystemRandom()->Below(1'000'000'000);
  CLI::App app("Loses a site of a real cluster on loopback, promotes, verifies, brings the site back",
               "holdfast-drill");
  app.add_option("--lose", arguments.run.lost, "dc1: the primary's site; dc2: that of its voters")
      ->check(CLI::IsMember({"dc1", "dc2"}))
      ->capture_default_str();
  app.add_option("--loss", arguments.loss,
                 "kill: SIGKILL of the whole site; cut: SIGSTOP, silence; partition: it lives on, cut off;\n"
                 "one-way: cut off in one direction; both: kill, cut; all")
      ->check(CLI::IsMember({"kill", "cut", "partition", "one-way", "both", "all"}))
      ->capture_default_str();
  app.add_option("--switchovers", arguments.run.switchovers,
                 "lose nothing: hand the primary over and back, so many times")
      ->check(CLI::Range(1, 1000));
  app.add_option("--runs", arguments.runs, "of each kind of loss")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--keys", arguments.run.keys, "imported first")
      ->check(CLI::Range(2, 999'999))
      ->capture_default_str();
  app.add_option("--proxies", arguments.run.proxies_per_site, "in each site")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option("--reads", arguments.run.reads_per_second, "a second, at each proxy")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--writes", arguments.run.writes_per_second, "a second, in all")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--seed", arguments.run.seed, "of the first run; the next has the next number")
      ->check(CLI::Range(0, 1'000'000'000));
  app.add_option("--dir", arguments.directory, "where the clusters go; default: a temporary directory");
  app.add_flag("--stay", arguments.stay, "do not fail back at the end");
  app.add_flag("--keep", arguments.keep, "leave data and logs behind, also of runs that passed");
  app.add_flag("--json", arguments.json,
               "one JSON object; for several runs with medians, sums and each run's");
  app.add_flag("!--untimed", arguments.run.timed, "judge no times and no rates: the machine has other work");
  app.footer(
      "Exit status: 0 nothing was lost, failed, missing or repeated, and what is promised of times was\n"
      "kept; 1 something was not, or the drill could not go on; 2 bad usage; 77 this machine cannot do it.\n"
      "docs/drill.md says what is judged.\n\n"
      "  ./dev drill --keys 100000\n"
      "  ./dev drill --runs 25 --loss both --keys 100000 --json\n"
      "  ./dev drill --loss partition\n"
      "  ./dev drill --lose dc2 --loss cut\n"
      "  ./dev drill --switchovers 20");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const int exit_status = EnterNetworks(arguments)) return exit_status;
  const std::string root = MakeDirectory(arguments.directory);
  if (root.empty()) {
    std::cerr << "drill: no temporary directory can be made\n";
    return 1;
  }
  return RunAll(arguments, root);
}

}  // namespace
}  // namespace holdfast::drill

int main(int argc, char** argv) { return holdfast::drill::Main(argc, argv); }
