#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "holdfast/v1/operation.pb.h"

// Every failure of failover/, each with its one reason (base/error.h). Any thread.
namespace holdfast::failover {

// CHECK_FAILED. A check blocks the operation: which, at which node, what was seen and needed, what to type
// next. Nothing was changed.
absl::Status CheckFailedError(const v1::Check& check);

// PLAN_CHANGED. The material facts are not those that were confirmed; look at the new plan. Nothing was
// changed.
absl::Status PlanChangedError(absl::string_view confirmed, const v1::Plan& now);

// OPERATION_RUNNING. This node runs another operation: whose, since when, from where.
absl::Status OperationRunningError(const v1::Operation& running);

// VERDICT_WORSE. The promises that were given prove less than the plan that was confirmed; `again` is the
// command that makes a new one.
absl::Status VerdictWorseError(const v1::Verdict& verdict, absl::string_view again);

// VERDICT_WORSE. Fewer nodes can vote next than the plan that was confirmed says.
absl::Status WeakerRuleError(uint32_t quorum, uint32_t confirmed, absl::string_view again);

// VERDICT_WORSE. Records that are known to exist cannot be had; `again` is the command that accepts that.
absl::Status CannotBeHadError(const v1::Verdict& verdict, absl::string_view again);

// CHECK_FAILED, detail check = branches. Several logs have gone different ways since an override, and nobody
// has chosen (R20).
absl::Status BranchesOpenError(absl::string_view candidate, const std::vector<v1::Branch>& branches);

// CHECK_FAILED, detail check = branches. What was chosen is the name of none of these; perhaps there are no
// branches any more.
absl::Status NoSuchBranchError(absl::string_view choice, const std::vector<v1::Branch>& branches);

// UNREACHABLE. A node said that its log is higher, and gave nothing of it.
absl::Status NothingFetchedError(absl::string_view node_id);

// PROMISED_ELSEWHERE. Two operators at once, and the other one has the promises: who, since when, from where.
absl::Status OvertakenError(uint64_t epoch, const v1::EpochPromise& by);

// FENCED. Another epoch has taken this one's place; `was_open` if this one had been committed before.
absl::Status SupersededError(uint64_t epoch, const v1::EpochPromise& by, bool was_open);

// OPERATION_ENDED. Its EPOCH record is written: it can only be gone on with.
absl::Status PastReturnError(absl::string_view operation_id);

// NOT_CAUGHT_UP. The candidate of a switchover stays so many records behind its primary.
absl::Status NotCloseError(uint64_t lag);

// NOT_CAUGHT_UP. The primary has stopped, and what is in its log does not come.
absl::Status NotDrainedError(Revision held, Revision end);

// PROMISED_ELSEWHERE. The primary that was to hand over has refused to promise.
absl::Status NotHandedOverError(absl::string_view primary);

// DEADLINE. It was asked, and whether it has promised is not known here: `why` is what became of the
// question.
absl::Status MayHaveHandedOverError(absl::string_view primary, const absl::Status& why);

// ABORTED. An operator has given the operation up.
absl::Status AbortedError(absl::string_view operation_id);

// CHECK_FAILED. The candidate itself has stopped serving.
absl::Status UnsoundError(absl::string_view why);

// RESOURCE_EXHAUSTED. Another plan is being made here; retry in a second.
absl::Status PlanningError();

// DRAINING. The node stops; an operation that runs is interrupted, and can be resumed.
absl::Status StoppedError();

// OPERATION_NOT_FOUND. This node knows no such operation; perhaps another one does.
absl::Status OperationNotFoundError(absl::string_view operation_id);

// INVALID_REQUEST. Several operations begin with that.
absl::Status AmbiguousOperationError(absl::string_view operation_id);

// OPERATION_ENDED. It cannot be resumed or aborted any more.
absl::Status OperationEndedError(absl::string_view operation_id, absl::string_view how);

// The overrides as they are typed, `--accept-unknown-loss`.
std::vector<std::string> OverridesAsTyped(const v1::Overrides& overrides);

}  // namespace holdfast::failover
