#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/logging.h"
#include "node/program.h"

namespace holdfast::primary {

// A Configuration Server node, primary or standby: builds the graph bottom to top, takes it down top to
// bottom. Errors as NodeRuntime::Create and rpc::Server::Start. `logger` must outlive the node.
absl::StatusOr<std::unique_ptr<node::RunningNode>> StartPrimaryServer(const node::NodeConfig& config,
                                                                      Logger* logger);

}  // namespace holdfast::primary
