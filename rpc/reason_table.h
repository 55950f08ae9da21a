#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "holdfast/v1/reason.pb.h"

// The table of reasons (proto/holdfast/v1/reason.proto) as code: which gRPC code a reason has on the wire,
// and what a caller may do about it. The only place that knows; a test holds it against the proto. Any
// thread.
namespace holdfast::rpc {

// What a caller may do next.
enum class Retry {
  kNever,          // the same call fails again
  kElsewhere,      // at another node, at once
  kAtPrimary,      // at the node named by `primary_address`
  kSameRequestId,  // a commit: at any time, with the same request id only
  kLater,          // the same node may answer otherwise after a while
  kAfterOperator,  // somebody has to do something first
};

// One line of the table. A plain value.
struct ReasonRow {
  v1::Reason reason;
  absl::StatusCode code;
  Retry retry;
};

// Every reason but REASON_UNSPECIFIED, in the order of the proto.
absl::Span<const ReasonRow> ReasonTable();

// "NOT_PRIMARY" for REASON_NOT_PRIMARY: the name as base/error.h and google.rpc.ErrorInfo carry it.
absl::string_view ReasonName(v1::Reason reason);

// The row of a name; nullptr if no such reason exists (a newer release sent it).
const ReasonRow* FindReason(absl::string_view name);

}  // namespace holdfast::rpc
