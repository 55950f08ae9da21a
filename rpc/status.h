#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

// The only place where an absl::Status (base/error.h) becomes a gRPC status and back. On the wire a failure
// carries a google.rpc.Status with one google.rpc.ErrorInfo (domain "holdfast") in `grpc-status-details-bin`.
// Any thread.
namespace holdfast::rpc {

inline constexpr char kErrorDomain[] = "holdfast";

// The code on the wire is that of the reason's row in reason_table.h, whatever code the status was built
// with. A status without a reason is our own mistake and becomes INTERNAL, except a cancellation.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The reverse. What gRPC or a foreign server made gets the reason that fits: UNAVAILABLE is UNREACHABLE,
// DEADLINE_EXCEEDED is DEADLINE, and so on; CANCELLED has none.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace holdfast::rpc
