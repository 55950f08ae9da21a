#pragma once

#include <gtest/gtest.h>

#include "tests/process/programs.h"

namespace holdfast::testing {

// EndProcess, for tests: a child that has died of another signal fails the test.
inline bool StopProcess(pid_t pid, int signal_number, absl::Duration patience) {
  int died_of = 0;
  const bool gone = EndProcess(pid, signal_number, patience, &died_of);
  if (died_of != 0) ADD_FAILURE() << "process " << pid << " died of signal " << died_of;
  return gone;
}

}  // namespace holdfast::testing
