#include "failover/checks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "failover/errors.h"
#include "failover/primary_checks.h"
#include "failover/rival.h"

namespace holdfast::failover {
namespace {

// Less than this on the candidate's disk and it would stop at its first busy hour.
constexpr int64_t kMinFreeBytes = int64_t{256} << 20;

v1::Check Passed(const std::string& name, const std::string& seen) {
  v1::Check check;
  check.set_name(name);
  check.set_outcome(v1::CHECK_OUTCOME_PASSED);
  check.set_seen(seen);
  return check;
}

v1::Check Not(v1::CheckOutcome outcome, const std::string& name, const std::string& node_id,
              const std::string& seen, const std::string& needed, const std::string& next_command) {
  v1::Check check;
  check.set_name(name);
  check.set_outcome(outcome);
  check.set_node_id(node_id);
  check.set_seen(seen);
  check.set_needed(needed);
  check.set_next_command(next_command);
  return check;
}

const v1::NodeInfo* Member(const v1::ClusterView& view, const std::string& node_id) {
  for (const v1::NodeView& node : view.nodes()) {
    if (node.member().node_id() == node_id) return &node.member();
  }
  return nullptr;
}

bool IsAssertedDown(const v1::Overrides& overrides, const v1::NodeInfo* member) {
  return member != nullptr && std::count(overrides.assert_sites_down().begin(),
                                         overrides.assert_sites_down().end(), member->site()) > 0;
}

// The same command with these overrides: those that were given and are still asked for among them, or each
// refusal would undo the answer to the one before.
std::string Again(const PlanInput& input, const v1::Overrides& with) {
  const bool is_switchover = input.kind == v1::OPERATION_KIND_SWITCHOVER;
  std::string command =
      absl::StrCat("holdfast ", is_switchover ? "switchover " : "promote ", input.candidate.self.node_id);
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) command += " --in-place";
  for (const std::string& override : OverridesAsTyped(with)) absl::StrAppend(&command, " ", override);
  return command;
}

// A primary gives slots; without one, a proxy that has a slot lends it.
std::string HowToGetASlot(const PlanInput& input) {
  const std::string& id = input.candidate.self.node_id;
  if (!PrimariesSeen(input.view).empty()) return absl::StrCat("holdfast nodes set ", id);
  for (const v1::NodeView& node : input.view.nodes()) {
    const bool lends = node.reached() && node.member().kind() == v1::NODE_KIND_PROXY &&
                       node.member().has_slot() && node.member().incarnation() == node.said().incarnation();
    if (lends) return absl::StrCat("holdfast nodes seed ", id, " --from ", node.member().node_id());
  }
  return "holdfast nodes list";
}

// The candidate must be able to carry the epoch: only an admitted incarnation of a server has a slot (R3).
v1::Check CheckCandidate(const PlanInput& input) {
  const std::string name = "candidate";
  const std::string& id = input.candidate.self.node_id;
  if (!input.self_is_sound.ok()) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, std::string(input.self_is_sound.message()),
               "a node whose data is whole", "holdfast verify --deep");
  }
  if (input.self.kind() != v1::NODE_KIND_SERVER) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, "it is a proxy", "a server (proxies are never promoted)",
               "holdfast nodes list");
  }
  if (!input.self.has_slot() || input.self.incarnation() != input.candidate.self.incarnation) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id,
               "this incarnation of it was never admitted: its data was set aside or restored",
               "a server that a record of the log has admitted", HowToGetASlot(input));
  }
  if (input.candidate.appended.revision.is_zero()) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, "it has no data", "a node that holds a copy",
               "holdfast status");
  }
  return Passed(name, absl::StrCat("'", id, "' is a server with slot ", input.self.slot(), " at ",
                                   input.candidate.appended.revision.ToString()));
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
// committed one is none any more: it only has not heard.
v1::Check CheckPrimaryGone(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "primary-gone";
  const std::string& candidate = input.candidate.self.node_id;
  const bool in_place = input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE;
  uint64_t committed_epoch = 0;
  std::set<std::string> points = {candidate};
  if (!input.view.command().from().empty()) points.insert(input.view.command().from());
  for (const v1::NodeView& node : input.view.nodes()) {
    committed_epoch = std::max(committed_epoch, Revision(node.said().committed().revision()).epoch());
    if (node.has_vantage()) points.insert(node.member().node_id());
  }
  std::optional<v1::Check> milder;
  for (const PrimarySeen& seen : PrimariesSeen(input.view)) {
    if (in_place && seen.node_id == candidate) continue;
    const std::string by =
        absl::StrCat("'", seen.node_id, "' acts as primary of epoch ", seen.epoch, ", seen from ",
                     absl::StrJoin(seen.from, ", "), MadeBy(input.newest_epoch, seen.node_id));
    if (seen.node_id == candidate) {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, candidate, by,
                 "a primary that is lost, or that cannot find its voters",
                 absl::StrCat("holdfast promote ", candidate, " --in-place --dry-run"));
    }
    if (seen.epoch < committed_epoch) {
      if (!milder) milder = Not(v1::CHECK_OUTCOME_WARNING, name, seen.node_id, by, "it will be fenced", "");
    } else if (IsAssertedDown(input.overrides, Member(input.view, seen.node_id))) {
      milder = Not(v1::CHECK_OUTCOME_OVERRIDDEN, name, seen.node_id, by, "nobody reaches it", "");
    } else {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, seen.node_id, by,
                 "nobody reaches it; what is healthy is handed over instead",
                 absl::StrCat("holdfast switchover ", candidate, " --dry-run"));
    }
  }
  if (milder) return *milder;
  if (in_place) return Passed(name, "nobody else is primary, as far as anybody sees");
  return Passed(name, absl::StrCat("'", plan.ending_primary(), "' of epoch ", plan.ending_epoch(),
                                   " is reached as primary from none of ", absl::StrJoin(points, ", ")));
}

// In place: it holds all that it ever acknowledged itself. What it cannot know is what others forced
// elsewhere: somebody says that their sites are down, or takes the risk by its name.
v1::Check CheckPromisesInPlace(const PlanInput& input, const v1::Verdict& verdict) {
  std::set<std::string> live_sites;
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.reached()) live_sites.insert(node.member().site());
  }
  bool is_unknown_needed = false;
  std::set<std::string> sites;
  for (const v1::RuleCount& count : verdict.rules()) {
    for (const v1::MissingVoter& voter : count.missing()) {
      const v1::NodeInfo* const member = Member(input.view, voter.node_id());
      if (member == nullptr || live_sites.contains(member->site())) {
        is_unknown_needed = true;
      } else if (!IsAssertedDown(input.overrides, member)) {
        sites.insert(member->site());
      }
    }
  }
  if (sites.empty() && (!is_unknown_needed || input.overrides.accept_unknown_loss()))
    return Not(v1::CHECK_OUTCOME_OVERRIDDEN, "promises", MissingVoters(verdict), verdict.says(),
               "q voters that acknowledge", "");
  v1::Overrides with = input.overrides;
  for (const std::string& site : sites) with.add_assert_sites_down(site);
  if (is_unknown_needed) with.set_accept_unknown_loss(true);
  return Not(v1::CHECK_OUTCOME_BLOCKED, "promises", MissingVoters(verdict), verdict.says(),
             "somebody's word that the site is down, and that nobody promotes there", Again(input, with));
}

// A planned hand-over needs the primary itself; whom it would only lose is promoted without it.
v1::Check CheckPrimaryHealthy(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "primary-healthy";
  const std::string& primary = plan.ending_primary();
  const std::string& candidate = input.candidate.self.node_id;
  if (primary == candidate) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, candidate, "it is the primary already",
               "a standby to hand over to", "holdfast status");
  }
  for (const v1::NodeView& node : input.view.nodes()) {
    if (node.member().node_id() != primary) continue;
    if (node.reached() && node.said().role() == v1::NODE_ROLE_PRIMARY &&
        node.said().epoch() == plan.ending_epoch()) {
      return Passed(name, absl::StrCat("'", primary, "' is primary of epoch ", plan.ending_epoch(), " at ",
                                       Revision(node.said().appended().revision()).ToString()));
    }
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, primary,
               node.reached() ? "it does not act as primary" : "this node does not reach it",
               "both sites up; a lost site is taken over from instead",
               absl::StrCat("holdfast promote ", candidate, " --dry-run"));
  }
  return Not(v1::CHECK_OUTCOME_BLOCKED, name, primary, "it is no member", "a primary to hand over from",
             "holdfast nodes list");
}

// A verdict that is not PROVEN needs the override that is named for its risk.
v1::Check CheckPromises(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "promises";
  const v1::Verdict& verdict = plan.verdict();
  if (verdict.kind() == v1::VERDICT_KIND_PROVEN) return Passed(name, verdict.says());
  if (input.kind == v1::OPERATION_KIND_SWITCHOVER) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, MissingVoters(verdict), verdict.says(),
               "promises that meet every acknowledged commit: a planned hand-over takes no risk",
               input.candidate.former ? "holdfast durability local --end" : "holdfast status");
  }
  v1::Overrides with = input.overrides;
  if (verdict.kind() == v1::VERDICT_KIND_BOUNDED) {
    with.clear_accept_unknown_loss();
    with.set_accept_loss(verdict.lost_at_most());
    const bool accepted =
        input.overrides.has_accept_loss() && input.overrides.accept_loss() >= verdict.lost_at_most();
    return Not(accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name,
               verdict.chosen_from(), verdict.says(), "every record that is known to exist",
               accepted ? "" : Again(input, with));
  }
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) return CheckPromisesInPlace(input, verdict);
  with.clear_accept_loss();
  with.set_accept_unknown_loss(true);
  const bool accepted = input.overrides.accept_unknown_loss();
  return Not(accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name,
             MissingVoters(verdict), verdict.says(), "promises that meet every acknowledged commit",
             accepted ? "" : Again(input, with));
}

// R20: two branches with commits that somebody was shown. Numbers do not choose between them.
v1::Check CheckBranches(const v1::Plan& plan) {
  const std::string name = "branches";
  if (plan.verdict().other_branch().empty()) return Passed(name, "no other branch is known");
  return Not(v1::CHECK_OUTCOME_BLOCKED, name, plan.verdict().other_branch(0),
             absl::StrCat("known committed there, and not in this log: another branch, at ",
                          absl::StrJoin(plan.verdict().other_branch(), ", ")),
             "one branch; the nodes of the other one set theirs aside first (holdfast rejoin)",
             "holdfast verify");
}

// An override that nothing asks for is one that was typed by habit.
v1::Check CheckOverrides(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "overrides";
  const v1::Overrides& overrides = input.overrides;
  v1::Overrides with = overrides;
  const auto needless = [&](const std::string& flag, const std::string& why) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, "", absl::StrCat(flag, " is given, and ", why),
               "no override that nothing asks for", Again(input, with));
  };
  for (const std::string& site : overrides.assert_sites_down()) {
    const bool is_known = std::any_of(input.view.nodes().begin(), input.view.nodes().end(),
                                      [&](const v1::NodeView& node) { return node.member().site() == site; });
    if (!is_known) {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, "", absl::StrCat("no member is of the site '", site, "'"),
                 "a site of this cluster", "holdfast nodes list");
    }
  }
  if (overrides.has_accept_loss() && plan.verdict().kind() != v1::VERDICT_KIND_BOUNDED) {
    with.clear_accept_loss();
    return needless("--accept-loss", "no number of lost records is known");
  }
  if (overrides.accept_unknown_loss() && plan.verdict().kind() != v1::VERDICT_KIND_UNKNOWN) {
    with.clear_accept_unknown_loss();
    return needless("--accept-unknown-loss", "what may be lost is known");
  }
  if (overrides.accept_local() && plan.new_rule().quorum() > 0) {
    with.clear_accept_local();
    return needless("--accept-local", "there are voters");
  }
  return Passed(name, "none that nothing asks for");
}

v1::Check CheckOtherOperation(const PlanInput& input) {
  const std::string name = "other-operation";
  for (const v1::NodeView& node : input.view.nodes()) {
    const v1::EpochPromise& running = node.said().running();
    if (!node.reached() || running.operation_id().empty()) continue;
    if (running.operation_id() == input.instead_of) continue;
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, node.member().node_id(),
               absl::StrCat(WhoseOperation(running), " runs there, for epoch ", running.epoch()),
               "one operation at a time", absl::StrCat("holdfast operation attach ", running.operation_id()));
  }
  return Passed(name, "no other operation runs");
}

v1::Check CheckDisk(const PlanInput& input) {
  const std::string name = "disk";
  const std::string seen = absl::StrCat(input.disk_free_bytes >> 20, " MiB are free");
  if (input.disk_free_bytes >= kMinFreeBytes) return Passed(name, seen);
  return Not(v1::CHECK_OUTCOME_WARNING, name, input.candidate.self.node_id, seen,
             absl::StrCat(kMinFreeBytes >> 20, " MiB for a primary's log"), "");
}

// What the new epoch will rest on: with fewer voters than before the next loss weighs more (F22). It never
// becomes local without a word (R22).
v1::Check CheckNewRule(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "new-voters";
  const v1::DurabilityRule& rule = plan.new_rule();
  const replication::Rule before = input.candidate.StandingRule();
  const auto id = [](std::string* out, const v1::Voter& voter) { out->append(voter.node_id()); };
  const std::string seen = rule.quorum() == 0
                               ? std::string("commits of the new epoch will be local (q = 0)")
                               : absl::StrCat("commits of the new epoch need ", rule.quorum(), " of {",
                                              absl::StrJoin(rule.voters(), ", ", id), "}");
  if (rule.quorum() == 0 && before.quorum > 0) {
    const bool accepted = input.overrides.accept_local();
    v1::Overrides with = input.overrides;
    with.set_accept_local(true);
    return Not(accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name, "", seen,
               "somebody who can vote", accepted ? "" : Again(input, with));
  }
  const bool is_whole =
      static_cast<size_t>(rule.voters_size()) >= before.voters.size() && rule.quorum() >= before.quorum;
  if (is_whole && rule.quorum() > 0) return Passed(name, seen);
  return Not(v1::CHECK_OUTCOME_WARNING, name, "", seen,
             absl::StrCat(before.quorum, " of ", before.voters.size(),
                          " as before; give nodes their vote when the lost site is back (holdfast nodes set "
                          "--voters)"),
             "");
}

}  // namespace

std::vector<v1::Check> CheckPromotion(const PlanInput& input, const v1::Plan& plan) {
  const bool is_switchover = input.kind == v1::OPERATION_KIND_SWITCHOVER;
  std::vector<v1::Check> checks = {
      CheckCandidate(input),
      CheckOtherOperation(input),
      is_switchover ? CheckPrimaryHealthy(input, plan) : CheckPrimaryGone(input, plan),
      CheckPromises(input, plan),
      CheckBranches(plan),
      CheckOverrides(input, plan),
      CheckNewRule(input, plan),
      CheckDisk(input)};
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE)
    checks.insert(checks.begin() + 1, CheckLastPrimary(input, plan));
  const auto rank = [](const v1::Check& check) {
    switch (check.outcome()) {
      case v1::CHECK_OUTCOME_BLOCKED:
        return 0;
      case v1::CHECK_OUTCOME_OVERRIDDEN:
        return 1;
      case v1::CHECK_OUTCOME_WARNING:
        return 2;
      default:
        return 3;
    }
  };
  std::stable_sort(checks.begin(), checks.end(),
                   [&](const v1::Check& left, const v1::Check& right) { return rank(left) < rank(right); });
  return checks;
}

}  // namespace holdfast::failover
