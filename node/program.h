#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/logging.h"
#include "node/config_file.h"

namespace holdfast::node {

// A running node, as its program sees it. Made, stopped and destroyed by the main thread.
class RunningNode {
 public:
  virtual ~RunningNode() = default;
  // Leaves service: not serving first, watches ended with a hint where to go, calls drained, then everything
  // is closed.
  virtual void Stop() = 0;
  virtual std::string client_address() const = 0;  // where it listens
  virtual std::string peer_address() const = 0;
};

// What a server program says of itself. A plain value.
struct ProgramDescription {
  std::string name;     // "holdfast-proxy"
  std::string purpose;  // one line for --help
  std::string example;
};

// Builds the node and starts it; `logger` outlives it. Main thread.
using StartNode = std::function<absl::StatusOr<std::unique_ptr<RunningNode>>(const NodeConfig&, Logger*)>;

// The whole of a server program: flags, configuration file, log, start, SIGTERM or SIGINT, stop. Returns the
// exit status: 0 after a signal, 1 if the node could not start, 2 for a wrong flag or configuration line.
int RunProgram(const ProgramDescription& description, const StartNode& start, int argc, char** argv);

}  // namespace holdfast::node
