#pragma once

#include <string>

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

// One line for a step that has ended.
std::string ShowStep(const v1::OperationStep& step);

// The report: what was done, what it cost, who has come to the new primary and when, what remains.
void PrintOperation(Context& context, const v1::Operation& operation);
void WriteOperation(JsonWriter& json, const v1::Operation& operation);

// "DONE", "ROLLED BACK", ...
std::string ShowState(v1::OperationState state);

// "PROVEN 0", "BOUNDED 3", "UNKNOWN".
std::string ShowVerdictKind(const v1::Verdict& verdict);

// The code that a script gets for an operation that has ended in `state`.
ExitCode ExitCodeOf(v1::OperationState state);

}  // namespace holdfast::admin
