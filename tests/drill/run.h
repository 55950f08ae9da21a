#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"
#include "tests/drill/halt.h"
#include "tests/drill/outcome.h"

namespace holdfast::drill {

// How the site is lost.
enum class Loss {
  kKill,       // SIGKILL to all its processes
  kCut,        // SIGSTOP to all of them: silence without a reset
  kPartition,  // nothing passes between the sites any more; each lives on
  kOneWay,     // the same in one direction only; which one, the seed decides
};
// "kill", "cut", "partition", "one-way".
const char* NameOf(Loss loss);
// The site lives on behind the cut.
inline bool LivesOn(Loss loss) { return loss == Loss::kPartition || loss == Loss::kOneWay; }

struct RunOptions {
  Loss loss = Loss::kKill;
  std::string lost = "dc1";  // dc1: the primary's site; dc2: that of its voters
  int switchovers = 0;       // instead of a loss: there and back, so many times
  int keys = 2000;
  int proxies_per_site = 4;
  double reads_per_second = 300;  // at each proxy
  double writes_per_second = 40;  // in all
  uint64_t seed = 1;              // decides the moment of the loss, and who reads and writes what
  bool fail_back = true;          // at the end, by a switchover; of a loss of dc1 only
  bool timed = true;              // what is promised of times and rates of one run is judged too
  std::string directory;          // for the cluster; not there yet, its parent is
};

// The least that is read a second at each proxy that is left, from the loss until all has converged.
inline constexpr double kLeastReadsPerSecond = 200;

// One whole drill, from `holdfast up` to the last comparison, with real programs on loopback or, where a site
// lives on behind a cut, in network namespaces (SiteNetworks::Isolate must have been called). Every process
// that was started has ended when it returns, whatever happened; when `halt` is said it returns soon. What it
// is at is told to `progress`, a line each. One thread.
Outcome RunDrill(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress);

}  // namespace holdfast::drill
