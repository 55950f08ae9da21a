#pragma once

#include <istream>
#include <map>
#include <ostream>
#include <string>

#include "base/clock.h"
#include "base/random.h"

namespace holdfast::admin {

// All that a command sees of the world outside, so that tests can be that world. Everything must outlive the
// command.
struct Environment {
  std::ostream* out = nullptr;
  std::ostream* err = nullptr;
  std::istream* in = nullptr;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::map<std::string, std::string> variables;
  std::string program;  // the path of the running binary: the other programs are found beside it
  std::string user;     // who asks, for `author` and `operator`
  std::string host;
  Clock* clock = RealClock();
  Random* random = SystemRandom();

  // Empty if it is not set.
  std::string Variable(const std::string& name) const {
    const auto it = variables.find(name);
    return it == variables.end() ? std::string() : it->second;
  }
};

// The process's own.
Environment ProcessEnvironment();

}  // namespace holdfast::admin
