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

namespace holdfast::drill {
namespace {

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

std::vector<Loss> LossesOf(const std::string& name) {
  if (name == "kill") return {Loss::kKill};
  if (name == "cut") return {Loss::kCut};
  return {Loss::kKill, Loss::kCut};
}

int RunAll(const Arguments& arguments, const std::string& root) {
  const Keeper keeper(root);  // before there is any thread
  Halt halt;
  const Interrupts interrupts(&halt);
  signal(SIGPIPE, SIG_IGN);
  std::vector<Outcome> outcomes;
  bool all_passed = true;
  for (int i = 0; i < arguments.runs; ++i) {
    for (const Loss loss : LossesOf(arguments.loss)) {
      if (halt.is_said()) break;
      RunOptions options = arguments.run;
      options.loss = loss;
      options.fail_back = !arguments.stay;
      options.seed += outcomes.size();
      options.directory = absl::StrCat(root, "/run-", outcomes.size() + 1);
      const Outcome& outcome = outcomes.emplace_back(RunDrill(options, halt, RealClock(), std::cerr));
      std::cout << (arguments.json ? ToJson(outcome) + "\n" : ToText(outcome)) << std::flush;
      all_passed = all_passed && outcome.passed();
      std::error_code ignored;
      if (outcome.passed() && !arguments.keep) std::filesystem::remove_all(options.directory, ignored);
    }
  }
  if (outcomes.size() > 1)
    std::cout << (arguments.json ? SummaryJson(outcomes) + "\n" : "\n" + SummaryText(outcomes)) << std::flush;
  if (!all_passed || arguments.keep) {
    std::cerr << "drill: logs and data are left in " << root << "\n";
  } else {
    std::error_code ignored;  // it may be the user's own, with other things in it
    std::filesystem::remove(root, ignored);
  }
  return all_passed && !halt.is_said() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  arguments.run.seed = SystemRandom()->Below(1'000'000'000);
  CLI::App app("Loses a site of a real cluster on loopback, promotes, verifies, brings the site back",
               "holdfast-drill");
  app.add_option("--loss", arguments.loss, "kill: SIGKILL of all of dc1; cut: SIGSTOP, silence; both")
      ->check(CLI::IsMember({"kill", "cut", "both"}))
      ->capture_default_str();
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
  app.add_flag("--json", arguments.json, "one JSON object a run on a line, and for several a summary");
  app.footer(
      "Exit status: 0 nothing was lost, failed, missing or repeated; 1 something was, or the drill could\n"
      "not go on; 2 bad usage.\n\n  ./dev drill --keys 100000\n  ./dev drill --runs 25 --loss both --json");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
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
