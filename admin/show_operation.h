#pragma once

#include <string>
#include <vector>

#include "admin/context.h"
#include "admin/json_writer.h"
#include "holdfast/v1/operation.pb.h"

// How plans, operations and their parts look, for people (at most kOutputWidth columns) and as JSON. One
// thread.
namespace holdfast::admin {

// What would be done, what was seen, what may be lost and why, what stands in the way, and where the point of
// no return is.
void PrintPlan(Context& context, const v1::Plan& plan);
void WritePlan(JsonWriter& json, const v1::Plan& plan);

// As they were typed: "--accept-loss=3".
std::vector<std::string> ShowOverrides(const v1::Overrides& overrides);

// "promote dc2-a to epoch 1".
std::string ShowWhat(const v1::Plan& plan);

// One line for a step of the operation that has ended. Why the operation has ended is left to its report.
std::string ShowStep(const v1::Operation& operation, const v1::OperationStep& step);

// The report: what was done, what it cost, who has come to the new primary and when, what remains.
void PrintOperation(Context& context, const v1::Operation& operation);
void WriteOperation(JsonWriter& json, const v1::Operation& operation);

// "DONE", "ROLLED BACK", ...
std::string ShowState(v1::OperationState state);

// "PROVEN 0", "BOUNDED 3", "UNKNOWN".
std::string ShowVerdictKind(const v1::Verdict& verdict);

// "promote in place", "switchover".
std::string ShowKindOf(v1::OperationKind kind);

// "passed", "BLOCKED", ...
std::string ShowOutcome(v1::CheckOutcome outcome);

// "2 of {dc2-a, dc2-b, dc2-p1}".
std::string ShowRuleOf(const v1::DurabilityRule& rule);

// "1 record", "17 records".
std::string ShowRecords(int64_t count);

// The code that a script gets for an operation that has ended in `state`.
ExitCode ExitCodeOf(v1::OperationState state);

}  // namespace holdfast::admin
