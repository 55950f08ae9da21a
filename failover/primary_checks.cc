#include "failover/primary_checks.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "failover/check_parts.h"
#include "failover/rival.h"
#include "storage/proto_time.h"

namespace holdfast::failover {
namespace {

// Where the primaries were looked from.
std::string VantagePoints(const PlanInput& input) {
  std::set<std::string> points = {input.candidate.self.node_id};
  if (!input.view.command().from().empty()) points.insert(input.view.command().from());
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.has_vantage()) points.insert(node.member().node_id());
  }
  return absl::StrJoin(points, ", ");
}

std::string HowSeen(const PlanInput& input, const PrimarySeen& seen) {
  std::string text = absl::StrCat("'", seen.node_id, "' acts as primary of epoch ", seen.epoch);
  if (!seen.from.empty()) absl::StrAppend(&text, ", seen from ", absl::StrJoin(seen.from, ", "));
  if (!seen.fed.empty()) {
    absl::StrAppend(&text, seen.from.empty() ? ", does not answer, and feeds " : "; it feeds ",
                    absl::StrJoin(seen.fed, ", "));
  }
  return text + MadeBy(input.newest_epoch, seen.node_id);
}

// It answered the candidate itself, in this very look: no word of anybody makes its site a lost one.
bool ActsAndAnswers(const PlanInput& input, const PrimarySeen& seen) {
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.member().node_id() == seen.node_id)
      return node.reached() && node.said().role() == v1::NODE_ROLE_PRIMARY;
  }
  return false;
}

// Of a branch that a person has left by its name?
bool IsOfLeftBranch(const PrimarySeen& seen, const v1::Plan& plan) {
  if (plan.overrides().choose_branch().empty()) return false;
  bool is_left = false;
  for (const v1::Branch& branch : plan.branches()) {
    const bool is_of_it = std::count(branch.nodes().begin(), branch.nodes().end(), seen.node_id) > 0 ||
                          std::count(branch.epochs().begin(), branch.epochs().end(), seen.epoch) > 0;
    if (is_of_it && branch.chosen()) return false;
    is_left |= is_of_it && !branch.chosen();
  }
  return is_left;
}

// The candidate acts as primary itself: in place if its epoch is the newest one; with a choice, if another
// branch has a newer one.
v1::Check CheckOwnRole(const PlanInput& input, const v1::Plan& plan, const std::string& seen) {
  const std::string& candidate = input.candidate.self.node_id;
  const bool is_newest = plan.ending_primary() == candidate;
  if (!is_newest && !plan.overrides().choose_branch().empty()) {
    return Not(v1::CHECK_OUTCOME_OVERRIDDEN, "primary-gone", candidate, seen,
               "a primary that is lost; it takes an epoch above that of the other branch", "");
  }
  return Not(v1::CHECK_OUTCOME_BLOCKED, "primary-gone", candidate, seen,
             "a primary that is lost, or that cannot find its voters",
             !is_newest && !plan.branches().empty()
                 ? plan.branches(0).next_command()
                 : absl::StrCat("holdfast promote ", candidate, " --in-place --dry-run"));
}

}  // namespace

std::optional<absl::Duration> HeardAgo(const v1::Feed& feed) {
  if (!feed.has_heard_ago()) return std::nullopt;
  return storage::DurationOf(feed.heard_ago());
}

std::vector<PrimarySeen> PrimariesSeen(const v1::ClusterView& view) {
  struct Seen {
    uint64_t epoch = 0;
    std::set<std::string> from;
    std::set<std::string> fed;
  };
  std::map<std::string, Seen> seen;
  const auto note = [&](const std::string& node_id, v1::NodeRole role, uint64_t epoch,
                        const std::string& from) {
    if (role != v1::NODE_ROLE_PRIMARY && role != v1::NODE_ROLE_RECOVERING) return;
    Seen& one = seen[node_id];
    one.epoch = std::max(one.epoch, epoch);
    one.from.insert(from);
  };
  const auto note_feed = [&](const v1::Feed& feed, const std::string& node_id) {
    if (HeardAgo(feed).value_or(kFeedIsFresh) >= kFeedIsFresh) return;
    Seen& one = seen[feed.primary_node_id()];
    one.epoch = std::max(one.epoch, feed.epoch());
    one.fed.insert(node_id);
  };
  const auto look = [&](const v1::Vantage& vantage) {
    for (const v1::Sighting& sighting : vantage.sightings()) {
      if (sighting.reached()) note(sighting.node_id(), sighting.role(), sighting.epoch(), vantage.from());
    }
  };
  std::set<std::string> others;  // that say themselves that they are no primary
  look(view.command());
  for (const v1::NodeView& node : view.nodes()) {
    const std::string& id = node.member().node_id();
    look(node.vantage());
    if (!node.reached()) continue;
    note(id, node.said().role(), node.said().epoch(), view.gathered_by());
    if (!seen.contains(id)) others.insert(id);
  }
  // What came last counts: the end of the look, if there was one.
  for (const v1::NodeView& node : view.nodes()) {
    const v1::Feed& feed = node.vantage().has_feed() ? node.vantage().feed() : node.said().feed();
    if (node.reached() && !others.contains(feed.primary_node_id())) note_feed(feed, node.member().node_id());
  }
  std::vector<PrimarySeen> primaries;
  for (const auto& [node_id, one] : seen) {
    primaries.push_back(
        {node_id, one.epoch, {one.from.begin(), one.from.end()}, {one.fed.begin(), one.fed.end()}});
  }
  return primaries;
}

// In place: only the last primary itself, and only if it cannot go on as it is.
v1::Check CheckLastPrimary(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "last-primary";
  const std::string& id = input.candidate.self.node_id;
  if (plan.ending_primary() != id) {
    return Not(
        v1::CHECK_OUTCOME_BLOCKED, name, id,
        absl::StrCat("the primary of epoch ", plan.ending_epoch(), " is '", plan.ending_primary(), "'"),
        "in place only the last primary itself can be promoted",
        absl::StrCat("holdfast promote ", id, " --dry-run"));
  }
  if (input.self_role == v1::NODE_ROLE_FENCED) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, "it is fenced: a later epoch has begun elsewhere",
               "a node that is primary of the newest epoch", absl::StrCat("holdfast rejoin ", id));
  }
  // What somebody has promised higher, and to nobody who is primary now, can follow nobody but a higher
  // epoch.
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.reached() && node.said().promise().epoch() > plan.ending_epoch()) {
      return Passed(name, absl::StrCat("'", node.member().node_id(), "' has promised epoch ",
                                       node.said().promise().epoch(), ", and cannot follow below it"));
    }
  }
  const bool acts = input.self_role == v1::NODE_ROLE_PRIMARY;
  const bool is_local = !input.candidate.rules.empty() && input.candidate.rules.back().rule.quorum == 0;
  if (acts && (is_local || plan.verdict().kind() == v1::VERDICT_KIND_PROVEN)) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id,
               is_local ? "it commits without voters (q = 0)" : "it reaches enough of its voters",
               "a primary that cannot find its voters", "holdfast status");
  }
  return Passed(name, absl::StrCat("'", id, "' was the last primary"));
}

// Whoever acts as primary must not be harmed. One of an epoch that is known to have been followed by a
// committed one is none any more: it only has not heard. Each that was met has its own line.
std::vector<v1::Check> CheckPrimaryGone(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "primary-gone";
  const std::string& candidate = input.candidate.self.node_id;
  const bool in_place = input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE;
  uint64_t committed_epoch = 0;
  for (const v1::NodeView& node : input.view.nodes())
    committed_epoch = std::max(committed_epoch, Revision(node.said().committed().revision()).epoch());
  std::vector<v1::Check> checks;
  for (const PrimarySeen& seen : PrimariesSeen(input.view)) {
    if (in_place && seen.node_id == candidate) continue;
    const std::string by = HowSeen(input, seen);
    if (seen.node_id == candidate) {
      checks.push_back(CheckOwnRole(input, plan, by));
    } else if (IsOfLeftBranch(seen, plan)) {
      checks.push_back(
          Not(v1::CHECK_OUTCOME_OVERRIDDEN, name, seen.node_id, by,
              "a primary that nobody reaches; it is of a branch that is left by name, and will be "
              "stopped",
              ""));
    } else if (seen.epoch < committed_epoch) {
      checks.push_back(Not(v1::CHECK_OUTCOME_WARNING, name, seen.node_id, by,
                           "nothing: a later epoch has begun, and it will be fenced", ""));
    } else if (IsAssertedDown(input.overrides, Member(input.view, seen.node_id)) &&
               !ActsAndAnswers(input, seen)) {
      checks.push_back(Not(v1::CHECK_OUTCOME_OVERRIDDEN, name, seen.node_id, by,
                           "a primary that nobody reaches; somebody has said that its site is down", ""));
    } else {
      checks.push_back(
          Not(v1::CHECK_OUTCOME_BLOCKED, name, seen.node_id, by,
              "a primary that nobody reaches; one that is healthy is handed over instead. If it must "
              "be taken over all the same, stop it first",
              absl::StrCat("holdfast switchover ", candidate, " --dry-run")));
    }
  }
  if (!checks.empty()) return checks;
  if (in_place) return {Passed(name, "nobody else is primary, as far as anybody sees")};
  return {Passed(name, absl::StrCat("'", plan.ending_primary(), "' of epoch ", plan.ending_epoch(),
                                    " is reached as primary from none of ", VantagePoints(input)))};
}

// A planned hand-over needs the primary itself; whom it would only lose is promoted without it.
v1::Check CheckPrimaryHealthy(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "primary-healthy";
  const std::string& primary = plan.ending_primary();
  const std::string& candidate = input.candidate.self.node_id;
  if (primary == candidate) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, candidate,
               absl::StrCat("'", candidate, "' is the primary already"), "a standby to hand over to",
               "holdfast status");
  }
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.member().node_id() != primary) continue;
    if (node.reached() && node.said().role() == v1::NODE_ROLE_PRIMARY &&
        node.said().epoch() == plan.ending_epoch()) {
      return Passed(name, absl::StrCat("'", primary, "' is primary of epoch ", plan.ending_epoch(), " at ",
                                       Revision(node.said().appended().revision()).ToString()));
    }
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, primary,
               node.reached() ? absl::StrCat("'", primary, "' does not act as primary")
                              : absl::StrCat("'", candidate, "' does not reach the primary '", primary, "'"),
               "both sites up; a lost site is taken over from instead",
               absl::StrCat("holdfast promote ", candidate, " --dry-run"));
  }
  return Not(v1::CHECK_OUTCOME_BLOCKED, name, primary,
             absl::StrCat("the primary of epoch ", plan.ending_epoch(), ", '", primary, "', is no member"),
             "a primary to hand over from", "holdfast nodes list");
}

}  // namespace holdfast::failover
