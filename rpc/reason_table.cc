#include "rpc/reason_table.h"

#include <string>

#include "absl/strings/strip.h"

namespace holdfast::rpc {
namespace {

using absl::StatusCode;

constexpr ReasonRow kTable[] = {
    {v1::REASON_INVALID_KEY, StatusCode::kInvalidArgument, Retry::kNever},
    {v1::REASON_INVALID_REQUEST, StatusCode::kInvalidArgument, Retry::kNever},
    {v1::REASON_TOO_LARGE, StatusCode::kInvalidArgument, Retry::kNever},
    {v1::REASON_KEY_NOT_FOUND, StatusCode::kNotFound, Retry::kNever},
    {v1::REASON_PRECONDITION_FAILED, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_REQUEST_ID_REUSED, StatusCode::kAlreadyExists, Retry::kNever},
    {v1::REASON_OUTCOME_UNKNOWABLE, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_NOT_PRIMARY, StatusCode::kFailedPrecondition, Retry::kAtPrimary},
    {v1::REASON_STANDBY, StatusCode::kFailedPrecondition, Retry::kAtPrimary},
    {v1::REASON_NO_PRIMARY, StatusCode::kFailedPrecondition, Retry::kLater},
    {v1::REASON_NOT_INITIALIZED, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_RECOVERING, StatusCode::kUnavailable, Retry::kElsewhere},
    {v1::REASON_SUSPENDED, StatusCode::kFailedPrecondition, Retry::kLater},
    {v1::REASON_FENCED, StatusCode::kFailedPrecondition, Retry::kAtPrimary},
    {v1::REASON_COMMIT_UNKNOWN, StatusCode::kDeadlineExceeded, Retry::kSameRequestId},
    {v1::REASON_STALE, StatusCode::kFailedPrecondition, Retry::kElsewhere},
    {v1::REASON_COMPACTED, StatusCode::kOutOfRange, Retry::kNever},
    {v1::REASON_FUTURE_REVISION, StatusCode::kOutOfRange, Retry::kLater},
    {v1::REASON_REWOUND, StatusCode::kOutOfRange, Retry::kNever},
    {v1::REASON_DISK_FULL, StatusCode::kResourceExhausted, Retry::kLater},
    {v1::REASON_RESOURCE_EXHAUSTED, StatusCode::kResourceExhausted, Retry::kLater},
    {v1::REASON_DATA_DAMAGED, StatusCode::kDataLoss, Retry::kElsewhere},
    {v1::REASON_IO_ERROR, StatusCode::kInternal, Retry::kElsewhere},
    {v1::REASON_DATA_DIR_LOCKED, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_SCHEMA_TOO_NEW, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_UNKNOWN_RECORD, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_WRONG_CLUSTER, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_NOT_A_MEMBER, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_LOWER_EPOCH, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_PROMISED_ELSEWHERE, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_CHAIN_BROKEN, StatusCode::kDataLoss, Retry::kNever},
    {v1::REASON_DIVERGED, StatusCode::kDataLoss, Retry::kNever},
    {v1::REASON_SNAPSHOT_GONE, StatusCode::kNotFound, Retry::kLater},
    {v1::REASON_SNAPSHOT_ALTERED, StatusCode::kDataLoss, Retry::kLater},
    {v1::REASON_SNAPSHOT_BUSY, StatusCode::kResourceExhausted, Retry::kLater},
    {v1::REASON_FOLLOW_LOOP, StatusCode::kFailedPrecondition, Retry::kElsewhere},
    {v1::REASON_NOT_CAUGHT_UP, StatusCode::kFailedPrecondition, Retry::kLater},
    {v1::REASON_ALREADY_INITIALIZED, StatusCode::kAlreadyExists, Retry::kNever},
    {v1::REASON_CONFLICTING_SETTINGS, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_UNAUTHENTICATED, StatusCode::kUnauthenticated, Retry::kAfterOperator},
    {v1::REASON_PERMISSION_DENIED, StatusCode::kPermissionDenied, Retry::kNever},
    {v1::REASON_DRAINING, StatusCode::kUnavailable, Retry::kElsewhere},
    {v1::REASON_UNREACHABLE, StatusCode::kUnavailable, Retry::kElsewhere},
    {v1::REASON_DEADLINE, StatusCode::kDeadlineExceeded, Retry::kLater},
    {v1::REASON_REQUEST_ID_AHEAD, StatusCode::kInvalidArgument, Retry::kNever},
    {v1::REASON_CHECK_FAILED, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_PLAN_CHANGED, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_VERDICT_WORSE, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_OPERATION_RUNNING, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_OPERATION_NOT_FOUND, StatusCode::kNotFound, Retry::kNever},
    {v1::REASON_OPERATION_ENDED, StatusCode::kFailedPrecondition, Retry::kNever},
    {v1::REASON_SALVAGE_NOT_FOUND, StatusCode::kNotFound, Retry::kNever},
    {v1::REASON_ABORTED, StatusCode::kFailedPrecondition, Retry::kAfterOperator},
    {v1::REASON_INTERNAL, StatusCode::kInternal, Retry::kNever},
};

}  // namespace

absl::Span<const ReasonRow> ReasonTable() { return kTable; }

absl::string_view ReasonName(v1::Reason reason) {
  return absl::StripPrefix(v1::Reason_Name(reason), "REASON_");
}

const ReasonRow* FindReason(absl::string_view name) {
  for (const ReasonRow& row : kTable) {
    if (ReasonName(row.reason) == name) return &row;
  }
  return nullptr;
}

}  // namespace holdfast::rpc
