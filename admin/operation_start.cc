#include "admin/operation_start.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/cluster_view.h"
#include "admin/errors.h"
#include "admin/operation_watch.h"
#include "admin/show.h"
#include "admin/show_operation.h"
#include "base/error.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// Who does not answer within this is not reached from here. A plan that is confirmed was looked at before:
// who was silent then is not waited for as long again.
constexpr absl::Duration kLookPatience = absl::Milliseconds(700);
constexpr absl::Duration kSecondLookPatience = absl::Milliseconds(300);
// Another plan that is made at the same moment is done by then.
constexpr absl::Duration kPlanPatience = absl::Seconds(3);

// Asks again while the node makes somebody else's plan: it makes one at a time, and has begun nothing.
template <typename Response>
absl::StatusOr<Response> WhenFree(Context& context, const std::function<absl::StatusOr<Response>()>& ask) {
  absl::StatusOr<Response> answer;
  PollUntil(*context.environment().clock, kPlanPatience, [&] {
    answer = ask();
    return ReasonOf(answer.status()) != "RESOURCE_EXHAUSTED";
  });
  return answer;
}

v1::Vantage LookFromHere(const ClusterView& view,
                         const std::vector<absl::StatusOr<v1::StatusResponse>>& answers) {
  v1::Vantage vantage;
  vantage.set_from("command");
  for (size_t i = 0; i < answers.size(); ++i) {
    v1::Sighting& sighting = *vantage.add_sightings();
    sighting.set_node_id(view.nodes[i].node_id());
    sighting.set_reached(answers[i].ok());
    if (answers[i].ok()) {
      sighting.set_role(answers[i]->header().role());
      sighting.set_epoch(answers[i]->epoch());
    } else {
      sighting.set_reason(ReasonOf(answers[i].status()));
    }
  }
  return vantage;
}

// The checks that stand in the way: "the check promises", "the checks promises, primary-gone".
std::string WhatBlocks(const v1::Plan& plan) {
  std::vector<std::string> names;
  for (const v1::Check& check : plan.checks()) {
    if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) names.push_back(check.name());
  }
  return absl::StrCat(names.size() == 1 ? "the check " : "the checks ", absl::StrJoin(names, ", "));
}

// What carries out this very plan.
std::string CommandOf(const OperationWish& wish, const std::string& plan_id) {
  const bool is_switchover = wish.kind == v1::OPERATION_KIND_SWITCHOVER;
  std::string command = absl::StrCat("holdfast ", is_switchover ? "switchover " : "promote ", wish.node_id);
  if (wish.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) absl::StrAppend(&command, " --in-place");
  for (const std::string& override : ShowOverrides(wish.overrides)) absl::StrAppend(&command, " ", override);
  return absl::StrCat(command, " --yes --plan ", plan_id);
}

// True if the operator has said, in whatever way, that this very plan is to be carried out.
absl::StatusOr<bool> Confirmed(Context& context, const OperationWish& wish, const v1::Plan& plan) {
  if (wish.yes) {
    if (wish.plan_id.empty())
      return UsageError(absl::StrCat("--yes needs the plan that was looked at: --plan ", plan.plan_id()));
    if (wish.plan_id == plan.plan_id()) return true;
    return PlanMovedError(wish.plan_id, plan.plan_id(), CommandOf(wish, plan.plan_id()));
  }
  if (!context.environment().out_is_terminal || context.json()) {
    return UsageError(
        absl::StrCat("nobody can be asked here: add --yes --plan ", plan.plan_id(), " to carry it out"));
  }
  context.out() << "\nType the plan's id to carry it out, anything else to leave all as it is: "
                << std::flush;
  std::string typed;
  std::getline(*context.environment().in, typed);
  return absl::StripAsciiWhitespace(typed) == plan.plan_id();
}

absl::StatusOr<v1::StartOperationResponse> Start(Context& context, NodeAdmin& admin,
                                                 const v1::NodeInfo& candidate, const OperationWish& wish,
                                                 const v1::PlanOperationRequest& look,
                                                 const std::string& plan_id) {
  v1::StartOperationRequest start;
  start.set_kind(look.kind());
  *start.mutable_overrides() = look.overrides();
  *start.mutable_command() = look.command();
  start.set_plan_id(plan_id);
  start.set_operator_name(context.author());
  start.set_host(context.environment().host);
  start.set_reason(wish.reason);
  return WhenFree<v1::StartOperationResponse>(
      context, [&] { return admin.StartOperation(candidate.peer_address(), start, context.deadline()); });
}

}  // namespace

absl::StatusOr<v1::PlanOperationResponse> AskForPlan(Context& context, NodeAdmin& admin,
                                                     const std::string& peer_address,
                                                     const v1::PlanOperationRequest& request) {
  return WhenFree<v1::PlanOperationResponse>(
      context, [&] { return admin.PlanOperation(peer_address, request, context.deadline()); });
}

void AddOperationFlags(Command& command, OperationWish* wish) {
  command.Flag("--dry-run", &wish->dry_run, "Show the plan, and promise nothing");
  command.Text("--reason", &wish->reason, "Why: kept with the epoch");
  command.Flag("--yes", &wish->yes, "Do not ask; needs --plan");
  command.Text("--plan", &wish->plan_id, "The id of the plan that was looked at");
}

absl::StatusOr<ExitCode> PlanAndStart(Context& context, const OperationWish& wish) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  const v1::NodeInfo* const candidate = view.Find(wish.node_id);
  if (candidate == nullptr) return UnknownNodeError(wish.node_id, view.NodeIds());
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const bool has_looked = wish.yes && !wish.plan_id.empty() && !wish.dry_run;
  v1::PlanOperationRequest look;
  look.set_kind(wish.kind);
  *look.mutable_overrides() = wish.overrides;
  *look.mutable_command() =
      LookFromHere(view, AskStatus(*admin, view.nodes, has_looked ? kSecondLookPatience : kLookPatience));
  if (has_looked && context.json()) {
    // The node makes the plan anew in any case, and nobody wants to see it again.
    const auto started = Start(context, *admin, *candidate, wish, look, wish.plan_id);
    if (started.ok())
      return WatchOperation(context, candidate->peer_address(), started->operation().operation_id());
    const std::string reason = ReasonOf(started.status());
    if (reason != "CHECK_FAILED" && reason != "PLAN_CHANGED") return started.status();
    // Then what stands in the way, or has changed, is shown.
  }
  HF_ASSIGN_OR_RETURN(const v1::PlanOperationResponse planned,
                      AskForPlan(context, *admin, candidate->peer_address(), look));
  const v1::Plan& plan = planned.plan();
  if (context.json() && (wish.dry_run || !plan.admissible())) {
    JsonWriter json;
    WritePlan(json, plan);
    context.out() << json.text() << "\n";
  } else if (!context.json()) {
    PrintPlan(context, plan);
  }
  if (!plan.admissible()) {
    PrintError(context,
               absl::StrCat("refused by ", WhatBlocks(plan), "; nothing was changed and nothing promised"));
    return ExitCode::kRefused;
  }
  if (wish.dry_run) {
    if (!context.json()) context.out() << "\nto carry it out: " << CommandOf(wish, plan.plan_id()) << "\n";
    return ExitCode::kOk;
  }
  HF_ASSIGN_OR_RETURN(const bool confirmed, Confirmed(context, wish, plan));
  if (!confirmed) {
    PrintError(context, "not confirmed; nothing was changed and nothing promised");
    return ExitCode::kRefused;
  }
  HF_ASSIGN_OR_RETURN(const v1::StartOperationResponse started,
                      Start(context, *admin, *candidate, wish, look, plan.plan_id()));
  return WatchOperation(context, candidate->peer_address(), started.operation().operation_id());
}

}  // namespace holdfast::admin
