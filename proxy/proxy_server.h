#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "base/logging.h"
#include "node/program.h"

namespace holdfast::proxy {

// A read-only node: follows the log and answers reads and watches from its own database, with or without a
// primary in reach. Errors as NodeRuntime::Create and rpc::Server::Start. `logger` must outlive the node.
absl::StatusOr<std::unique_ptr<node::RunningNode>> StartProxyServer(const node::NodeConfig& config,
                                                                    Logger* logger);

}  // namespace holdfast::proxy
