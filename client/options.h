#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"

namespace holdfast::client {

// What a client needs to know. A plain value.
struct Options {
  // Whom to ask, host:port, preferred first (usually the proxies of the own site). At least one; two or more,
  // and no call fails because one node leaves.
  std::vector<std::string> endpoints;

  // How long one call may take in all, attempts at other nodes included.
  absl::Duration timeout = absl::Seconds(10);

  // After every endpoint has failed once, the client waits and asks all again, this many rounds in all,
  // within `timeout`.
  int max_rounds = 20;
  absl::Duration initial_backoff = absl::Milliseconds(50);
  absl::Duration max_backoff = absl::Seconds(2);

  // Reads demand at least the highest revision that this client has seen (I5).
  bool session = true;

  Clock* clock = RealClock();       // must outlive the client
  Random* random = SystemRandom();  // must outlive the client
};

// The value of HOLDFAST_ENDPOINTS: addresses separated by commas; blanks around them are dropped.
std::vector<std::string> SplitEndpoints(const std::string& text);

}  // namespace holdfast::client
