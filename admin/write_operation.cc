// Plans and operations as JSON.
#include <string>

#include "absl/strings/ascii.h"
#include "admin/show.h"
#include "admin/show_operation.h"

namespace holdfast::admin {
namespace {

void WriteBranches(JsonWriter& json, const v1::Plan& plan) {
  json.Key("branches").BeginArray();
  for (const v1::Branch& branch : plan.branches()) {
    json.BeginObject().Member("name", branch.name()).Member("chosen", branch.chosen());
    json.Member("revision", branch.end().revision()).Member("fork_revision", branch.fork_revision());
    json.Member("records", branch.records()).Member("committed_revision", branch.committed_revision());
    json.Member("last_author", branch.last_commit().author());
    json.Member("last_time",
                branch.has_last_commit() ? ShowTime(TimestampOf(branch.last_commit().wall_time_us())) : "");
    json.Member("next_command", branch.next_command()).Key("nodes").BeginArray();
    for (const std::string& node_id : branch.nodes()) json.String(node_id);
    json.EndArray().EndObject();
  }
  json.EndArray();
}

void WriteVerdict(JsonWriter& json, const v1::Verdict& verdict) {
  json.Key("verdict").BeginObject().Member("kind", absl::AsciiStrToUpper(ShowVerdictKind(verdict)));
  json.Member("lost_at_most", verdict.lost_at_most()).Member("says", verdict.says());
  json.Member("chosen_revision", verdict.chosen().revision()).Member("chosen_from", verdict.chosen_from());
  json.Key("rules").BeginArray();
  for (const v1::RuleCount& count : verdict.rules()) {
    json.BeginObject().Member("revision", count.revision()).Member("rule", ShowRuleOf(count.rule()));
    json.Member("needed", int64_t{count.needed()}).Key("promised").BeginArray();
    for (const std::string& node_id : count.promised()) json.String(node_id);
    json.EndArray().Key("missing").BeginArray();
    for (const v1::MissingVoter& voter : count.missing())
      json.BeginObject().Member("node_id", voter.node_id()).Member("why", voter.why()).EndObject();
    json.EndArray().Member("ended_local", count.ended_local()).EndObject();
  }
  json.EndArray().EndObject();
}

}  // namespace

void WritePlan(JsonWriter& json, const v1::Plan& plan) {
  json.BeginObject().Member("plan_id", plan.plan_id()).Member("kind", ShowKindOf(plan.kind()));
  json.Member("candidate", plan.candidate()).Member("epoch", static_cast<int64_t>(plan.epoch()));
  json.Member("ending_epoch", static_cast<int64_t>(plan.ending_epoch()))
      .Member("ending_primary", plan.ending_primary())
      .Member("new_rule", ShowRuleOf(plan.new_rule()))
      .Member("admissible", plan.admissible());
  WriteVerdict(json, plan.verdict());
  WriteBranches(json, plan);
  json.Key("checks").BeginArray();
  for (const v1::Check& check : plan.checks()) {
    json.BeginObject().Member("name", check.name()).Member("outcome", ShowOutcome(check.outcome()));
    json.Member("node_id", check.node_id()).Member("seen", check.seen()).Member("needed", check.needed());
    json.Member("next_command", check.next_command()).EndObject();
  }
  json.EndArray().Key("nodes").BeginArray();
  for (const v1::NodeView& node : plan.view().nodes()) {
    json.BeginObject().Member("node_id", node.member().node_id()).Member("reached", node.reached());
    const std::string state =
        node.reached() ? ShowRole(node.said().role()) : absl::AsciiStrToLower(node.reason());
    json.Member("state", state).Member("appended", node.said().appended().revision()).EndObject();
  }
  json.EndArray().Key("steps").BeginArray();
  for (const std::string& step : plan.steps()) json.String(step);
  json.EndArray().EndObject();
}

void WriteOperation(JsonWriter& json, const v1::Operation& operation) {
  json.BeginObject().Member("operation_id", operation.operation_id());
  json.Member("state", ShowState(operation.state())).Member("operator", operation.operator_name());
  json.Member("host", operation.host()).Member("reason", operation.reason());
  json.Member("started", JsonTime(operation.started())).Member("plan_id", operation.plan().plan_id());
  json.Member("candidate", operation.plan().candidate());
  json.Member("epoch", static_cast<int64_t>(operation.plan().epoch()));
  json.Member("epoch_revision", operation.epoch_revision()).Member("harvested", operation.harvested());
  json.Member("harvested_from", operation.harvested_from());
  if (operation.has_commit_pause())
    json.Key("commit_pause_ms").Number(Milliseconds(operation.commit_pause()));
  json.Key("overrides").BeginArray();
  for (const std::string& override : ShowOverrides(operation.plan().overrides())) json.String(override);
  json.EndArray();
  WriteVerdict(json, operation.has_verdict() ? operation.verdict() : operation.plan().verdict());
  json.Key("steps").BeginArray();
  for (const v1::OperationStep& step : operation.steps()) {
    json.BeginObject().Member("name", step.name()).Member("state", ShowState(step.state()));
    json.Key("began_ms").Number(Milliseconds(step.began())).Key("took_ms").Number(Milliseconds(step.took()));
    json.Member("detail", step.detail()).EndObject();
  }
  json.EndArray().Key("arrivals").BeginArray();
  for (const v1::NodeArrival& arrival : operation.arrivals()) {
    json.BeginObject().Member("node_id", arrival.node_id()).Member("arrived", arrival.arrived());
    json.Key("after_ms").Number(Milliseconds(arrival.after())).Member("says", arrival.says()).EndObject();
  }
  json.EndArray().Key("remains").BeginArray();
  for (const std::string& remains : operation.remains()) json.String(remains);
  json.EndArray().Key("promises_left").BeginArray();
  for (const std::string& node_id : operation.promises_left()) json.String(node_id);
  json.EndArray()
      .Member("error", operation.error())
      .Member("error_reason", operation.error_reason())
      .EndObject();
}

}  // namespace holdfast::admin
