#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "admin/context.h"

namespace holdfast::admin {

// Shows the steps of an operation as they are taken, then its report, and returns the code for its end. While
// its node cannot be asked it goes on trying for a while; then the outcome is unknown here, and how to attach
// again is said. One thread.
absl::StatusOr<ExitCode> WatchOperation(Context& context, const std::string& peer_address,
                                        const std::string& operation_id);

}  // namespace holdfast::admin
