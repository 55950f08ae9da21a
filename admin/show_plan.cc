// Plans, for people.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "admin/show.h"
#include "admin/show_operation.h"

namespace holdfast::admin {
namespace {

std::string Sight(const v1::NodeView& node) {
  if (!node.reached()) {
    if (node.reason() == "UNREACHABLE") return "not reached";
    return node.reason() == "DEADLINE" ? "no answer" : absl::AsciiStrToLower(node.reason());
  }
  return ShowRole(node.said().role());
}

std::string SiteOf(const v1::Plan& plan, const std::string& node_id) {
  for (const v1::NodeView& node : plan.view().nodes()) {
    if (node.member().node_id() == node_id) return node.member().site();
  }
  return "";
}

// Whom a place does not reach, of those that it has looked for: nodes look for servers only. A site of which
// nobody is reached goes by its name.
std::string Reaches(const v1::Plan& plan, const v1::Vantage& vantage) {
  if (vantage.sightings_size() == 0) return "-";
  std::map<std::string, std::vector<std::string>> lost;
  std::set<std::string> seen;
  for (const v1::Sighting& sighting : vantage.sightings()) {
    const std::string site = SiteOf(plan, sighting.node_id());
    if (sighting.reached()) {
      seen.insert(site);
    } else {
      lost[site].push_back(sighting.node_id());
    }
  }
  const bool is_everybody = vantage.sightings_size() + 1 >= plan.view().nodes_size();
  const std::string all = is_everybody ? "all" : "all servers";
  if (lost.empty()) return all;
  std::vector<std::string> names;
  std::vector<std::string> sites;
  for (const auto& [site, nodes] : lost) {
    if (seen.contains(site) || nodes.size() == 1) {
      names.insert(names.end(), nodes.begin(), nodes.end());
    } else {
      sites.push_back(absl::StrCat("those of ", site));
    }
  }
  names.insert(names.end(), sites.begin(), sites.end());
  return absl::StrCat(all, " but ", absl::StrJoin(names, ", "));
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
                   : absl::StrCat("epoch ", promise.epoch(), " to ", promise.candidate_node_id()),
               Reaches(plan, VantageOf(plan, node))});
  }
  context.Print(table);
  if (!plan.view().command().from().empty())
    context.out() << Wrapped("this machine reaches: ", 2, Reaches(plan, plan.view().command()));
}

// A rule, how many promises meet every commit that was acknowledged under it, and whose are to be had (R4).
std::string ShowRuleCount(const v1::RuleCount& count) {
  const std::string since = absl::StrCat("rule since ", ShowRevision(count.revision()), ": ");
  if (count.ended_local())
    return absl::StrCat(since, "local (q = 0), ended by a later record: no promise is needed");
  if (count.needed() == 0)
    return absl::StrCat(since,
                        "local (q = 0): only its primary knows what it acknowledged, no promise tells");
  std::string text = absl::StrCat(
      since, ShowRuleOf(count.rule()), " acknowledged each commit, so any ", count.needed(),
      " promises of these ", count.rule().voters_size(), " meet it; needed: ", count.needed(),
      ", to be had: ", count.promised_size(),
      count.promised_size() > 0 ? absl::StrCat(" (", absl::StrJoin(count.promised(), ", "), ")") : "");
  for (const v1::MissingVoter& voter : count.missing())
    absl::StrAppend(&text, "; ", voter.node_id(), " ", voter.why());
  return text;
}

void PrintVerdict(Context& context, const v1::Verdict& verdict) {
  const bool proven = verdict.kind() == v1::VERDICT_KIND_PROVEN;
  context.out() << "verdict  " << (proven ? context.Green() : context.Red()) << ShowVerdictKind(verdict)
                << context.Plain() << "\n"
                << Wrapped("  ", 2, verdict.says());
  for (const v1::RuleCount& count : verdict.rules()) context.out() << Wrapped("  ", 4, ShowRuleCount(count));
}

void PrintOverrides(Context& context, const v1::Overrides& overrides) {
  const std::vector<std::string> shown = ShowOverrides(overrides);
  if (shown.empty()) return;
  PrintHeaded(context, context.Yellow(), "overrides  ", 11,
              absl::StrCat(absl::StrJoin(shown, " "), " (kept in the EPOCH record)"));
}

// Side by side: who holds which branch, and what each alone has.
void PrintBranches(Context& context, const v1::Plan& plan) {
  if (plan.branches().empty()) return;
  const bool is_chosen = !plan.overrides().choose_branch().empty();
  context.out() << "\n";
  PrintHeaded(context, context.Red(), "branches  ", 2,
              absl::StrCat("since an override the log has gone ", plan.branches_size(),
                           " ways; one is kept, by its name, and the others go to salvage"));
  Table table(
      {{"BRANCH"}, {"EPOCHS"}, {"PARTS AT"}, {"RECORDS", Align::kRight}, {"SHOWN UP TO"}, {"LAST COMMIT"}});
  for (const v1::Branch& branch : plan.branches()) {
    table.Add({branch.name(), absl::StrJoin(branch.epochs(), ", "), ShowRevision(branch.fork_revision()),
               ShowCount(branch.records()), ShowRevision(branch.committed_revision()),
               branch.has_last_commit()
                   ? absl::StrCat(branch.last_commit().author(), " ",
                                  ShowTime(TimestampOf(branch.last_commit().wall_time_us())))
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

}  // namespace

void PrintPlan(Context& context, const v1::Plan& plan) {
  context.out() << "plan " << context.Bold() << plan.plan_id() << context.Plain() << ": " << ShowWhat(plan)
                << "; ends epoch " << plan.ending_epoch() << " of "
                << (plan.ending_primary().empty() ? "nobody known" : plan.ending_primary()) << "\n\n";
  PrintView(context, plan);
  context.out() << "\n";
  PrintVerdict(context, plan.verdict());
  PrintOverrides(context, plan.overrides());
  PrintBranches(context, plan);
  context.out() << "\nchecks\n";
  for (const v1::Check& check : plan.checks()) {
    context.out() << Wrapped(absl::StrFormat("  %-10s  %-15s  ", ShowOutcome(check.outcome()), check.name()),
                             31, check.seen());
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

}  // namespace holdfast::admin
