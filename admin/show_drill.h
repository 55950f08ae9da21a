#pragma once

#include <string>

#include "admin/context.h"
#include "admin/exit_code.h"
#include "admin/json_writer.h"
#include "holdfast/v1/readiness.pb.h"

// How a rehearsal looks, for people (at most kOutputWidth columns) and as JSON. One thread.
namespace holdfast::admin {

// "PASSED", "FAILED", ...
std::string ShowState(v1::DrillState state);

// One line for a step that has ended.
std::string ShowStep(const v1::DrillStep& step);

// What it came to.
void PrintDrill(Context& context, const v1::Drill& drill);
void WriteDrill(JsonWriter& json, const v1::Drill& drill);

// The code that a script gets for a rehearsal in `state`.
ExitCode ExitCodeOf(v1::DrillState state);

}  // namespace holdfast::admin
