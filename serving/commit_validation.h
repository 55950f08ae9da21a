#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "holdfast/v1/config.pb.h"

// What a commit must be before anyone looks at the store. Every refusal names the field and the limit. Pure;
// any thread.
namespace holdfast::serving {

// OK if `request` may be judged: a UUIDv7 request id; something to do; sizes within base/limits.h; writable
// keys, each at most once; each precondition with exactly one condition that makes sense. INVALID_REQUEST,
// INVALID_KEY, TOO_LARGE.
absl::Status ValidateCommit(const v1::CommitRequest& request);

// True for 16 bytes whose version is 7 and whose variant is RFC 9562's.
bool IsUuidV7(absl::string_view bytes);

// When (SinceBoot) a commit that arrived at `now` must be answered, given the time that its client leaves
// (InfiniteDuration: no deadline, which means kDefaultCommitDeadline). Never more than kMaxCommitDeadline
// ahead. DEADLINE if no time is left.
absl::StatusOr<absl::Duration> CommitDeadline(absl::Duration now, absl::Duration time_left);

}  // namespace holdfast::serving
