#include "admin/show_operation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "admin/show.h"

namespace holdfast::admin {
namespace {

std::string Kind(v1::OperationKind kind) {
  switch (kind) {
    case v1::OPERATION_KIND_PROMOTE_IN_PLACE:
      return "promote in place";
    case v1::OPERATION_KIND_SWITCHOVER:
      return "switchover";
    default:
      return "promote";
  }
}

std::string Outcome(v1::CheckOutcome outcome) {
  switch (outcome) {
    case v1::CHECK_OUTCOME_PASSED:
      return "passed";
    case v1::CHECK_OUTCOME_WARNING:
      return "warning";
    case v1::CHECK_OUTCOME_BLOCKED:
      return "BLOCKED";
    case v1::CHECK_OUTCOME_OVERRIDDEN:
      return "OVERRIDDEN";
    default:
      return "?";
  }
}

// As they were typed.
std::vector<std::string> ShowOverrides(const v1::Overrides& overrides) {
  std::vector<std::string> shown;
  if (overrides.has_accept_loss()) shown.push_back(absl::StrCat("--accept-loss=", overrides.accept_loss()));
  if (overrides.accept_unknown_loss()) shown.emplace_back("--accept-unknown-loss");
  for (const std::string& site : overrides.assert_sites_down())
    shown.push_back(absl::StrCat("--assert-site-down=", site));
  if (overrides.accept_local()) shown.emplace_back("--accept-local");
  return shown;
}

std::string ShowRuleOf(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0) return "local (q = 0)";
  const auto name = [](std::string* out, const v1::Voter& voter) { out->append(voter.node_id()); };
  return absl::StrCat(rule.quorum(), " of {", absl::StrJoin(rule.voters(), ", ", name), "}");
}

std::string Sight(const v1::NodeView& node) {
  if (!node.reached()) return absl::AsciiStrToLower(node.reason());
  return ShowRole(node.said().role());
}

// Whom a place reaches as primary, or not at all.
std::string Reaches(const v1::Vantage& vantage) {
  std::vector<std::string> lost;
  for (const v1::Sighting& sighting : vantage.sightings()) {
    if (!sighting.reached()) lost.push_back(sighting.node_id());
  }
  if (vantage.sightings_size() == 0) return "-";
  return lost.empty() ? "all" : absl::StrCat("all but ", absl::StrJoin(lost, ", "));
}

// The candidate's own looks are the view.
v1::Vantage VantageOf(const v1::Plan& plan, const v1::NodeView& node) {
  if (node.member().node_id() != plan.candidate()) return node.vantage();
  v1::Vantage own;
  for (const v1::NodeView& other : plan.view().nodes()) {
    v1::Sighting& sighting = *own.add_sightings();
    sighting.set_node_id(other.member().node_id());
    sighting.set_reached(other.reached());
  }
  return own;
}

void PrintView(Context& context, const v1::Plan& plan) {
  Table table({{"NODE"}, {"SITE"}, {"IS"}, {"APPENDED"}, {"PROMISED"}, {"REACHES"}});
  for (const v1::NodeView& node : plan.view().nodes()) {
    const v1::EpochPromise& promise = node.said().promise();
    table.Add({node.member().node_id(), node.member().site(), Sight(node),
               node.reached() ? ShowRevision(node.said().appended().revision()) : "-",
               promise.candidate_node_id().empty()
                   ? "-"
                   : absl::StrCat(promise.epoch(), " to ", promise.candidate_node_id()),
               Reaches(VantageOf(plan, node))});
  }
  context.Print(table);
  if (!plan.view().command().from().empty())
    context.out() << "this machine reaches: " << Reaches(plan.view().command()) << "\n";
}

void PrintVerdict(Context& context, const v1::Verdict& verdict) {
  const bool proven = verdict.kind() == v1::VERDICT_KIND_PROVEN;
  context.out() << "verdict  " << (proven ? context.Green() : context.Red()) << ShowVerdictKind(verdict)
                << context.Plain() << "\n"
                << Wrapped("  ", 2, verdict.says());
  for (const v1::RuleCount& count : verdict.rules()) {
    if (count.ended_local()) {
      context.out() << "  since " << ShowRevision(count.revision())
                    << ": local (q = 0), ended by a later record: needs no promise\n";
      continue;
    }
    std::string missing;
    for (const v1::MissingVoter& voter : count.missing())
      absl::StrAppend(&missing, missing.empty() ? "" : ", ", voter.node_id(), " ", voter.why());
    context.out() << Wrapped(
        "  ", 4,
        absl::StrCat(
            "since ", ShowRevision(count.revision()), ": ", ShowRuleOf(count.rule()), " needs ",
            count.needed() == 0 ? "what no promise can give" : absl::StrCat(count.needed()), " promises, ",
            count.promised_size(), " can be had",
            count.promised_size() > 0 ? absl::StrCat(" (", absl::StrJoin(count.promised(), ", "), ")") : "",
            missing.empty() ? "" : absl::StrCat("; ", missing)));
  }
}

std::string ShowWall(int64_t wall_time_us) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(wall_time_us), absl::LocalTimeZone());
}

// Side by side: who holds which branch, and what each alone has.
void PrintBranches(Context& context, const v1::Plan& plan) {
  if (plan.branches().empty()) return;
  const bool is_chosen = !plan.overrides().choose_branch().empty();
  context.out() << "\n"
                << context.Red() << "branches" << context.Plain()
                << Wrapped("", 2,
                           absl::StrCat("  since an override the log has gone ", plan.branches_size(),
                                        " ways; one is kept, by its name, and the others go to salvage"));
  Table table(
      {{"BRANCH"}, {"EPOCHS"}, {"SINCE"}, {"ALONE", Align::kRight}, {"SHOWN UP TO"}, {"LAST COMMIT"}});
  for (const v1::Branch& branch : plan.branches()) {
    table.Add({branch.name(), absl::StrJoin(branch.epochs(), ", "), ShowRevision(branch.fork_revision()),
               ShowCount(branch.records()), ShowRevision(branch.committed_revision()),
               branch.has_last_commit() ? absl::StrCat(branch.last_commit().author(), " ",
                                                       ShowWall(branch.last_commit().wall_time_us()))
                                        : "-"});
  }
  context.Print(table);
  for (const v1::Branch& branch : plan.branches()) {
    const std::string fate = branch.chosen() ? "kept" : is_chosen ? "goes to salvage" : "";
    context.out() << Wrapped(
        absl::StrCat("  ", branch.name(), " "), 4,
        absl::StrCat("is held by ", absl::StrJoin(branch.nodes(), ", "), fate.empty() ? "" : "; ", fate));
    if (!is_chosen) context.out() << "    to keep it: " << branch.next_command() << "\n";
  }
}

void WriteBranches(JsonWriter& json, const v1::Plan& plan) {
  json.Key("branches").BeginArray();
  for (const v1::Branch& branch : plan.branches()) {
    json.BeginObject().Member("name", branch.name()).Member("chosen", branch.chosen());
    json.Member("revision", branch.end().revision()).Member("fork_revision", branch.fork_revision());
    json.Member("records", branch.records()).Member("committed_revision", branch.committed_revision());
    json.Member("last_author", branch.last_commit().author());
    json.Member("last_time", branch.has_last_commit() ? ShowWall(branch.last_commit().wall_time_us()) : "");
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

std::string ShowState(v1::OperationState state) {
  std::string name = v1::OperationState_Name(state);
  return absl::StrReplaceAll(name.substr(std::string("OPERATION_STATE_").size()), {{"_", " "}});
}

std::string ShowVerdictKind(const v1::Verdict& verdict) {
  switch (verdict.kind()) {
    case v1::VERDICT_KIND_PROVEN:
      return "PROVEN 0";
    case v1::VERDICT_KIND_BOUNDED:
      return absl::StrCat("BOUNDED ", verdict.lost_at_most());
    default:
      return "UNKNOWN";
  }
}

ExitCode ExitCodeOf(v1::OperationState state) {
  switch (state) {
    case v1::OPERATION_STATE_DONE:
      return ExitCode::kOk;
    case v1::OPERATION_STATE_REFUSED:
    case v1::OPERATION_STATE_ROLLED_BACK:
      return ExitCode::kRefused;
    case v1::OPERATION_STATE_INCOMPLETE:
      return ExitCode::kIncomplete;
    default:
      return ExitCode::kUnknown;
  }
}

void PrintPlan(Context& context, const v1::Plan& plan) {
  context.out() << "plan " << context.Bold() << plan.plan_id() << context.Plain() << ": " << Kind(plan.kind())
                << " " << context.Bold() << plan.candidate() << context.Plain() << " to epoch "
                << plan.epoch() << "; ends epoch " << plan.ending_epoch() << " of "
                << (plan.ending_primary().empty() ? "nobody known" : plan.ending_primary()) << "\n\n";
  PrintView(context, plan);
  context.out() << "\n";
  PrintVerdict(context, plan.verdict());
  PrintBranches(context, plan);
  context.out() << "\nchecks\n";
  for (const v1::Check& check : plan.checks()) {
    context.out() << Wrapped(absl::StrFormat("  %-10s  %-15s  ", Outcome(check.outcome()), check.name()), 31,
                             check.seen());
    if (check.outcome() == v1::CHECK_OUTCOME_PASSED) continue;
    if (!check.needed().empty())
      context.out() << Wrapped(std::string(31, ' ') + "needed: ", 31, check.needed());
    if (!check.next_command().empty())
      context.out() << std::string(31, ' ') << "next: " << check.next_command() << "\n";
  }
  context.out() << "\nsteps\n";
  for (int i = 0; i < plan.steps_size(); ++i)
    context.out() << Wrapped(absl::StrFormat("  %d. ", i + 1), 5, plan.steps(i));
}

void WritePlan(JsonWriter& json, const v1::Plan& plan) {
  json.BeginObject().Member("plan_id", plan.plan_id()).Member("kind", Kind(plan.kind()));
  json.Member("candidate", plan.candidate()).Member("epoch", static_cast<int64_t>(plan.epoch()));
  json.Member("ending_epoch", static_cast<int64_t>(plan.ending_epoch()))
      .Member("ending_primary", plan.ending_primary())
      .Member("new_rule", ShowRuleOf(plan.new_rule()))
      .Member("admissible", plan.admissible());
  WriteVerdict(json, plan.verdict());
  WriteBranches(json, plan);
  json.Key("checks").BeginArray();
  for (const v1::Check& check : plan.checks()) {
    json.BeginObject().Member("name", check.name()).Member("outcome", Outcome(check.outcome()));
    json.Member("node_id", check.node_id()).Member("seen", check.seen()).Member("needed", check.needed());
    json.Member("next_command", check.next_command()).EndObject();
  }
  json.EndArray().Key("nodes").BeginArray();
  for (const v1::NodeView& node : plan.view().nodes()) {
    json.BeginObject().Member("node_id", node.member().node_id()).Member("reached", node.reached());
    json.Member("state", Sight(node)).Member("appended", node.said().appended().revision()).EndObject();
  }
  json.EndArray().Key("steps").BeginArray();
  for (const std::string& step : plan.steps()) json.String(step);
  json.EndArray().EndObject();
}

std::string ShowStep(const v1::OperationStep& step) {
  const bool failed = step.state() != v1::OPERATION_STATE_DONE;
  return Wrapped(absl::StrFormat("  %-13s %8s  ", step.name(), ShowDuration(step.took())), 25,
                 absl::StrCat(failed ? absl::StrCat(ShowState(step.state()), ": ") : "", step.detail()));
}

void PrintOperation(Context& context, const v1::Operation& operation) {
  const bool done = operation.state() == v1::OPERATION_STATE_DONE;
  context.out() << "\n"
                << (done ? context.Green() : context.Yellow()) << ShowState(operation.state())
                << context.Plain() << "  operation " << operation.operation_id() << " of "
                << operation.operator_name() << " on " << operation.host() << "\n";
  if (!operation.error().empty()) context.out() << Wrapped("  ", 2, operation.error());
  if (operation.epoch_revision() != 0) {
    for (const std::string& override : ShowOverrides(operation.plan().overrides()))
      context.out() << "  taken upon themselves: " << override << "\n";
    context.out() << "  epoch " << operation.plan().epoch() << " begins at revision "
                  << ShowRevision(operation.epoch_revision()) << "; " << ShowCount(operation.harvested())
                  << " records harvested"
                  << (operation.harvested_from().empty() ? "" : " from " + operation.harvested_from()) << "\n"
                  << Wrapped("  ", 2,
                             absl::StrCat("verdict ", ShowVerdictKind(operation.verdict()), ": ",
                                          operation.verdict().says()));
  }
  for (const v1::Branch& branch : operation.plan().branches()) {
    context.out() << Wrapped("  ", 4,
                             absl::StrCat("the branch ", branch.name(), " (", ShowCount(branch.records()),
                                          " records, at ", absl::StrJoin(branch.nodes(), ", "), ") ",
                                          branch.chosen() ? "is kept" : "goes to salvage"));
  }
  if (operation.has_commit_pause())
    context.out() << "  commits paused for " << ShowDuration(operation.commit_pause()) << "\n";
  for (const v1::NodeArrival& arrival : operation.arrivals()) {
    context.out() << absl::StrFormat("  %-16s ", arrival.node_id())
                  << (!arrival.arrived()    ? arrival.says()
                      : arrival.has_after() ? absl::StrCat("follows, ", ShowDuration(arrival.after()),
                                                           " after the EPOCH record")
                                            : "follows")
                  << "\n";
  }
  for (const std::string& remains : operation.remains()) context.out() << Wrapped("  to do: ", 9, remains);
  if (operation.promises_left_size() > 0) {
    context.out() << Wrapped(
        "  ", 2,
        absl::StrCat("promises for epoch ", operation.plan().epoch(), " remain, or may remain, at ",
                     absl::StrJoin(operation.promises_left(), ", "),
                     ": a primary that learns of them admits nothing; next: holdfast promote ",
                     operation.plan().candidate(), " --dry-run"));
  }
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
