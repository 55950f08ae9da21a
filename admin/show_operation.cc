#include "admin/show_operation.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "admin/cluster_view.h"
#include "admin/show.h"

namespace holdfast::admin {
namespace {

// The command that plans the same again, as far as overrides stay out of it.
std::string AgainOf(const v1::Plan& plan) {
  const char* const in_place = plan.kind() == v1::OPERATION_KIND_PROMOTE_IN_PLACE ? " --in-place" : "";
  const char* const command = plan.kind() == v1::OPERATION_KIND_SWITCHOVER ? "switchover " : "promote ";
  return absl::StrCat("holdfast ", command, plan.candidate(), in_place, " --dry-run");
}

}  // namespace

std::string ShowKindOf(v1::OperationKind kind) {
  switch (kind) {
    case v1::OPERATION_KIND_PROMOTE_IN_PLACE:
      return "promote in place";
    case v1::OPERATION_KIND_SWITCHOVER:
      return "switchover";
    default:
      return "promote";
  }
}

std::string ShowOutcome(v1::CheckOutcome outcome) {
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

std::vector<std::string> ShowOverrides(const v1::Overrides& overrides) {
  std::vector<std::string> shown;
  if (overrides.has_accept_loss()) shown.push_back(absl::StrCat("--accept-loss=", overrides.accept_loss()));
  if (overrides.accept_unknown_loss()) shown.emplace_back("--accept-unknown-loss");
  for (const std::string& site : overrides.assert_sites_down())
    shown.push_back(absl::StrCat("--assert-site-down=", site));
  if (overrides.accept_local()) shown.emplace_back("--accept-local");
  if (!overrides.choose_branch().empty())
    shown.push_back(absl::StrCat("--choose-branch=", overrides.choose_branch()));
  return shown;
}

std::string ShowRuleOf(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0) return "local (q = 0)";
  return absl::StrCat(rule.quorum(), " of {", ShowVoters(rule), "}");
}

std::string ShowRecords(int64_t count) {
  return absl::StrCat(ShowCount(count), count == 1 ? " record" : " records");
}

std::string ShowWhat(const v1::Plan& plan) {
  return absl::StrCat(ShowKindOf(plan.kind()), " ", plan.candidate(), " to epoch ", plan.epoch());
}

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

std::string ShowStep(const v1::Operation& operation, const v1::OperationStep& step) {
  const bool failed = step.state() != v1::OPERATION_STATE_DONE;
  const bool is_said_below = failed && step.detail() == operation.error();
  return Wrapped(absl::StrFormat("  %-13s %8s  ", step.name(), ShowDuration(step.took())), 25,
                 absl::StrCat(failed ? ShowState(step.state()) : "", failed && !is_said_below ? ": " : "",
                              is_said_below ? "" : step.detail()));
}

void PrintOperation(Context& context, const v1::Operation& operation) {
  const bool done = operation.state() == v1::OPERATION_STATE_DONE;
  // While it is carried out there is no report.
  const std::string state = operation.state() == v1::OPERATION_STATE_RUNNING ? std::string("INTERRUPTED")
                                                                             : ShowState(operation.state());
  context.out() << "\n"
                << (done ? context.Green() : context.Yellow()) << state << context.Plain() << "  operation "
                << operation.operation_id() << " of " << ShowWho(operation.operator_name(), operation.host())
                << "\n"
                << Wrapped("  ", 2,
                           absl::StrCat(ShowWhat(operation.plan()), operation.reason().empty() ? "" : ": ",
                                        operation.reason()));
  if (ExitCodeOf(operation.state()) == ExitCode::kRefused)
    context.out() << "  no EPOCH record was written: nothing that a client can see has changed\n";
  if (!operation.error().empty()) context.out() << Wrapped("  ", 2, operation.error());
  if (operation.epoch_revision() != 0) {
    for (const std::string& override : ShowOverrides(operation.plan().overrides()))
      context.out() << "  under the override " << override << "\n";
    context.out() << "  epoch " << operation.plan().epoch() << " begins at revision "
                  << ShowRevision(operation.epoch_revision()) << "; " << ShowRecords(operation.harvested())
                  << " harvested"
                  << (operation.harvested_from().empty() ? "" : " from " + operation.harvested_from()) << "\n"
                  << Wrapped("  ", 2,
                             absl::StrCat("verdict ", ShowVerdictKind(operation.verdict()), ": ",
                                          operation.verdict().says()));
  }
  for (const v1::Branch& branch : operation.plan().branches()) {
    context.out() << Wrapped("  ", 4,
                             absl::StrCat("the branch ", branch.name(), " (", ShowRecords(branch.records()),
                                          ", at ", absl::StrJoin(branch.nodes(), ", "), ") ",
                                          branch.chosen() ? "is kept" : "goes to salvage"));
  }
  if (operation.has_commit_pause())
    context.out() << "  commits paused for " << ShowDuration(operation.commit_pause())
                  << "; they waited, and went on at '" << operation.plan().candidate() << "'\n";
  for (const v1::NodeArrival& arrival : operation.arrivals()) {
    const std::string says = !arrival.arrived()    ? arrival.says()
                             : arrival.has_after() ? absl::StrCat("follows, ", ShowDuration(arrival.after()),
                                                                  " after the EPOCH record")
                                                   : "follows";
    context.out() << Wrapped(absl::StrFormat("  %-16s ", arrival.node_id()), 19, says);
  }
  for (const std::string& remains : operation.remains()) {
    const bool ends_by_itself = absl::StartsWith(remains, "UNSETTLED");
    context.out() << (ends_by_itself ? Wrapped("  ", 4, remains) : Wrapped("  to do: ", 9, remains));
  }
  if (operation.promises_left_size() == 0) return;
  // Where the error has named a command, it is the one to type.
  const bool has_next = absl::StrContains(operation.error(), "; next: ");
  context.out() << Wrapped(
      "  ", 2,
      absl::StrCat("promises for epoch ", operation.plan().epoch(), " remain, or may remain, at ",
                   absl::StrJoin(operation.promises_left(), ", "),
                   ": a primary of a lower epoch that learns of them admits nothing, until an operation has "
                   "ended well or it has taken its role back",
                   has_next ? "" : absl::StrCat("; next: ", AgainOf(operation.plan()))));
}

}  // namespace holdfast::admin
