#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "base/clock.h"
#include "tests/drill/halt.h"
#include "tests/drill/outcome.h"

namespace holdfast::drill {

// How the site is lost: SIGKILL to all its processes, or SIGSTOP, which is silence without a reset.
enum class Loss { kKill, kCut };

struct RunOptions {
  Loss loss = Loss::kKill;
  int keys = 2000;
  int proxies_per_site = 4;
  double reads_per_second = 300;  // at each proxy
  double writes_per_second = 40;  // in all
  uint64_t seed = 1;              // decides the moment of the loss, and who reads and writes what
  bool fail_back = true;          // at the end, by a switchover
  std::string directory;          // for the cluster; not there yet, its parent is
};

// One whole disaster, from `holdfast up` to the failback, with real programs on loopback. Every process that
// was started has ended when it returns, whatever happened; when `halt` is said it returns soon. What it is
// at is told to `progress`, a line each. One thread.
Outcome RunDrill(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress);

}  // namespace holdfast::drill
