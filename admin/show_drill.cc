#include "admin/show_drill.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/show.h"

namespace holdfast::admin {

std::string ShowState(v1::DrillState state) {
  return v1::DrillState_Name(state).substr(std::string("DRILL_STATE_").size());
}

std::string ShowStep(const v1::DrillStep& step) {
  const bool passed = step.state() == v1::DRILL_STATE_PASSED;
  return Wrapped(absl::StrFormat("  %-6s %8s  ", step.name(), ShowDuration(step.took())), 18,
                 absl::StrCat(passed ? "" : absl::StrCat(ShowState(step.state()), ": "), step.detail()));
}

void PrintDrill(Context& context, const v1::Drill& drill) {
  const bool passed = drill.state() == v1::DRILL_STATE_PASSED;
  const std::string state = ShowState(drill.state());
  std::string text;
  if (passed) {
    text = absl::StrCat("'", drill.node_id(), "' could be opened as primary: rehearsed at ",
                        ShowRevision(drill.position().revision()), " with ", ShowCount(drill.key_count()),
                        " keys (", ShowBytes(drill.database_bytes()), ") in ", ShowDuration(drill.took()));
  } else {
    text = absl::StrCat("at the step '", drill.failed_step(), "': ", drill.error());
  }
  PrintHeaded(context, passed ? context.Green() : context.Red(), state + "  ", state.size() + 2, text);
  if (!passed) context.out() << "next: holdfast check " << drill.node_id() << "\n";
  context.out() << Wrapped("", 0, "Nothing of the cluster was changed; the result is kept at the node.");
}

void WriteDrill(JsonWriter& json, const v1::Drill& drill) {
  json.BeginObject().Member("drill_id", drill.drill_id()).Member("node_id", drill.node_id());
  json.Member("state", ShowState(drill.state())).Member("operator", drill.operator_name());
  json.Member("host", drill.host()).Member("started", JsonTime(drill.started()));
  json.Key("took_ms").Number(Milliseconds(drill.took()));
  json.Member("revision", drill.position().revision()).Member("epoch", static_cast<int64_t>(drill.epoch()));
  json.Member("database_bytes", drill.database_bytes()).Member("key_count", drill.key_count());
  json.Member("version", drill.version()).Key("steps").BeginArray();
  for (const v1::DrillStep& step : drill.steps()) {
    json.BeginObject().Member("name", step.name()).Member("state", ShowState(step.state()));
    json.Key("took_ms").Number(Milliseconds(step.took())).Member("detail", step.detail()).EndObject();
  }
  json.EndArray().Member("failed_step", drill.failed_step()).Member("error", drill.error());
  json.Member("error_reason", drill.error_reason()).Key("last_passed");
  drill.has_last_passed() ? json.String(JsonTime(drill.last_passed())) : json.Null();
  json.EndObject();
}

ExitCode ExitCodeOf(v1::DrillState state) {
  switch (state) {
    case v1::DRILL_STATE_PASSED:
      return ExitCode::kOk;
    case v1::DRILL_STATE_FAILED:
      return ExitCode::kNegative;
    case v1::DRILL_STATE_INTERRUPTED:
      return ExitCode::kIncomplete;
    default:
      return ExitCode::kUnknown;
  }
}

}  // namespace holdfast::admin
