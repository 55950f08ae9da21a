#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace holdfast::rpc {

enum class HealthAnswer { kServing, kNotServing, kUnreachable };

// Asks grpc.health.v1.Health/Check for the whole server. Waits at most `timeout`; safe to retry. Any thread
// that may wait.
HealthAnswer ProbeHealth(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout);

// What gRPC says of a channel that is not connected, without waiting for a connection; empty if it says
// nothing within `timeout`. Any thread that may wait.
std::string ProbeFailure(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout);

}  // namespace holdfast::rpc
