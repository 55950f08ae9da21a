#include "failover/checks.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "failover/check_parts.h"
#include "failover/primary_checks.h"
#include "failover/rival.h"
#include "replication/inventory.h"

namespace holdfast::failover {
namespace {

// Less than this on the candidate's disk and it would stop at its first busy hour.
constexpr int64_t kMinFreeBytes = int64_t{256} << 20;

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
  if (input.self.node_id().empty()) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, "it is no member: a record of its log has removed it",
               "a server of the inventory", "holdfast nodes list");
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

// Whose promise is missing; the candidate where nobody's is.
std::string WhoIsMissing(const v1::Verdict& verdict, const std::string& candidate) {
  const std::string missing = MissingVoters(verdict);
  return missing.empty() ? candidate : missing;
}

// Of the first rule that is not met: who answers, who does not, and how many a commit needs.
std::string VotersThatAnswer(const v1::Verdict& verdict) {
  const v1::RuleCount* const unmet = FirstUnmet(verdict);
  if (unmet == nullptr || unmet->needed() == 0) return verdict.says();
  const auto why = [](std::string* out, const v1::MissingVoter& voter) {
    absl::StrAppend(out, voter.node_id(), " ", voter.why());
  };
  return absl::StrCat(unmet->promised_size(), " of {", replication::NamesOf(unmet->rule().voters()),
                      "} can promise, and a commit needs ", unmet->rule().quorum(),
                      " of them: ", absl::StrJoin(unmet->missing(), ", ", why));
}

// What a verdict of UNKNOWN lacks.
std::string PromisesThatWouldTell(const v1::Verdict& verdict) {
  const v1::RuleCount* const unmet = FirstUnmet(verdict);
  if (unmet == nullptr) return "the log that is known to be higher";
  if (unmet->needed() == 0)
    return "the lost primary, which alone knows what it acknowledged in its spell of local";
  return absl::StrCat("the promises of ", unmet->needed(), " of {",
                      replication::NamesOf(unmet->rule().voters()), "}");
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
  const std::string missing = WhoIsMissing(verdict, input.candidate.self.node_id);
  is_unknown_needed &= !input.overrides.accept_unknown_loss();
  const std::string seen = VotersThatAnswer(verdict);
  const v1::RuleCount* const unmet = FirstUnmet(verdict);
  const std::string of_them =
      unmet == nullptr ? "their promises" : absl::StrCat("the promises of ", unmet->needed(), " of them");
  constexpr char kCost[] =
      ". If somebody promotes among them, what they acknowledge is another branch, and one of the two goes "
      "to salvage";
  if (sites.empty() && !is_unknown_needed)
    return Not(v1::CHECK_OUTCOME_OVERRIDDEN, "promises", missing, seen,
               absl::StrCat(of_them, "; done without, by the overrides that are given", kCost), "");
  return Not(v1::CHECK_OUTCOME_BLOCKED, "promises", missing, seen,
             absl::StrCat(of_them,
                          sites.empty()
                              ? ", or somebody who takes it upon themselves"
                              : ", or somebody's word that their site is down and that nobody promotes there",
                          kCost),
             Again(input, [&](v1::Overrides* overrides) {
               for (const std::string& site : sites) overrides->add_assert_sites_down(site);
               if (is_unknown_needed) overrides->set_accept_unknown_loss(true);
             }));
}

// A verdict that is not PROVEN needs the override that is named for its risk.
v1::Check CheckPromises(const PlanInput& input, const v1::Plan& plan) {
  const std::string name = "promises";
  const v1::Verdict& verdict = plan.verdict();
  if (verdict.kind() == v1::VERDICT_KIND_PROVEN)
    return Passed(name, "every rule has the promises that it needs");
  const std::string missing = WhoIsMissing(verdict, input.candidate.self.node_id);
  if (input.kind == v1::OPERATION_KIND_SWITCHOVER) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, missing, verdict.says(),
               "promises that meet every acknowledged commit: a planned hand-over takes no risk",
               input.candidate.former ? "holdfast durability local --end" : "holdfast status");
  }
  if (verdict.kind() == v1::VERDICT_KIND_BOUNDED) {
    const bool accepted =
        input.overrides.has_accept_loss() && input.overrides.accept_loss() >= verdict.lost_at_most();
    return Not(accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name,
               verdict.chosen_from(), verdict.says(),
               absl::StrCat("every record that is known to exist: '", verdict.chosen_from(),
                            "' back in a state to give them; else they are lost"),
               accepted ? "" : Again(input, [&](v1::Overrides* overrides) {
                 overrides->clear_accept_unknown_loss();
                 overrides->set_accept_loss(verdict.lost_at_most());
               }));
  }
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) return CheckPromisesInPlace(input, verdict);
  const bool accepted = input.overrides.accept_unknown_loss();
  return Not(accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name, missing,
             verdict.says(), PromisesThatWouldTell(verdict),
             accepted ? "" : Again(input, [](v1::Overrides* overrides) {
               overrides->clear_accept_loss();
               overrides->set_accept_unknown_loss(true);
             }));
}

std::string SumUp(const google::protobuf::RepeatedPtrField<v1::Branch>& branches, bool chosen) {
  std::vector<std::string> parts;
  for (const v1::Branch& branch : branches) {
    if (branch.chosen() == chosen) parts.push_back(Describe(branch));
  }
  return absl::StrJoin(parts, "; ");
}

// A former primary answers reads of what it has shown: it takes another branch as a follower only.
bool WasPrimary(v1::NodeRole role) { return role != v1::NODE_ROLE_STANDBY && role != v1::NODE_ROLE_PROXY; }

v1::Check CheckChoice(const PlanInput& input, const Branches& branches, const v1::Plan& plan) {
  const std::string name = "branches";
  const std::string& id = input.candidate.self.node_id;
  const std::string kept = SumUp(plan.branches(), true);
  if (branches.own_fork < input.candidate.appended.revision && WasPrimary(input.self_role)) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id,
               absl::StrCat("'", id, "' was primary, and its own log is of another branch than ", kept),
               "a server that has the branch, or a standby", absl::StrCat("holdfast rejoin ", id));
  }
  if (input.kind == v1::OPERATION_KIND_SWITCHOVER) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, id, absl::StrCat("kept by name: ", kept),
               "a planned hand-over takes no risk", absl::StrCat("holdfast promote ", id, " --dry-run"));
  }
  return Not(v1::CHECK_OUTCOME_OVERRIDDEN, name, "",
             absl::StrCat("kept by name: ", kept, "; goes to salvage: ", SumUp(plan.branches(), false)),
             "one branch", "");
}

// R20: several branches with what somebody relies on. Numbers do not choose between them.
v1::Check CheckBranches(const PlanInput& input, const Branches& branches, const v1::Plan& plan) {
  const std::string name = "branches";
  const auto& others = plan.verdict().other_branch();
  const std::string& chosen = input.overrides.choose_branch();
  const std::string first_other = others.empty() ? input.candidate.self.node_id : others[0];
  if (!branches.open.ok() && !chosen.empty()) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, first_other, std::string(branches.open.message()),
               "the name of a branch, as the plan gives it", Again(input, [](v1::Overrides* overrides) {
                                                               overrides->clear_choose_branch();
                                                             }) + " --dry-run");
  }
  if (!branches.open.ok()) {
    const std::string seen = absl::StrCat("since an override the log has gone ", plan.branches_size(),
                                          " ways: ", SumUp(plan.branches(), false));
    if (input.kind == v1::OPERATION_KIND_SWITCHOVER) {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, first_other, seen,
                 "one branch: whoever was primary of the other one sets it aside first",
                 absl::StrCat("holdfast rejoin ", first_other));
    }
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, first_other, seen,
               "a choice by name, never by number; what the other one alone holds goes to salvage",
               plan.branches(0).next_command());
  }
  if (!others.empty()) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, first_other,
               absl::StrCat("known committed there, and not in this log: another branch, at ",
                            absl::StrJoin(others, ", ")),
               "one branch; the nodes of the other one set theirs aside first",
               absl::StrCat("holdfast rejoin ", first_other));
  }
  if (!chosen.empty()) return CheckChoice(input, branches, plan);
  return Passed(name, "no other branch is known that somebody relies on");
}

// An override that nothing asks for is one that was typed by habit.
v1::Check CheckOverrides(const PlanInput& input, const Branches& branches, const v1::Plan& plan) {
  const std::string name = "overrides";
  const v1::Overrides& overrides = input.overrides;
  const auto needless = [&](const std::string& flag, const std::string& why,
                            const std::function<void(v1::Overrides*)>& without) {
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, input.candidate.self.node_id,
               absl::StrCat(flag, " is given, and ", why), "no override that nothing asks for",
               Again(input, without));
  };
  for (const std::string& site : overrides.assert_sites_down()) {
    const bool is_known = std::any_of(input.view.nodes().begin(), input.view.nodes().end(),
                                      [&](const v1::NodeView& node) { return node.member().site() == site; });
    if (!is_known) {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, input.candidate.self.node_id,
                 absl::StrCat("no member is of the site '", site, "'"), "a site of this cluster",
                 "holdfast nodes list");
    }
    if (site == input.self.site()) {
      return Not(v1::CHECK_OUTCOME_BLOCKED, name, input.candidate.self.node_id,
                 absl::StrCat("'", site, "' is the candidate's own site, and it answers"),
                 "a site that is down", Again(input, [&](v1::Overrides* changed) {
                   changed->clear_assert_sites_down();
                   for (const std::string& other : overrides.assert_sites_down()) {
                     if (other != site) changed->add_assert_sites_down(other);
                   }
                 }));
    }
  }
  if (overrides.has_accept_loss() && plan.verdict().kind() != v1::VERDICT_KIND_BOUNDED)
    return needless("--accept-loss",
                    plan.verdict().kind() == v1::VERDICT_KIND_PROVEN
                        ? "nothing would be lost"
                        : "how many records may be lost is not known",
                    [](v1::Overrides* changed) { changed->clear_accept_loss(); });
  if (overrides.accept_unknown_loss() && plan.verdict().kind() != v1::VERDICT_KIND_UNKNOWN)
    return needless("--accept-unknown-loss",
                    plan.verdict().kind() == v1::VERDICT_KIND_PROVEN
                        ? "nothing would be lost"
                        : "how many records may be lost is known",
                    [](v1::Overrides* changed) { changed->clear_accept_unknown_loss(); });
  if (overrides.accept_local() && plan.new_rule().quorum() > 0)
    return needless("--accept-local", "there are voters",
                    [](v1::Overrides* changed) { changed->clear_accept_local(); });
  if (!overrides.choose_branch().empty() && branches.open.ok() && plan.branches().empty())
    return needless("--choose-branch", "there is one log only",
                    [](v1::Overrides* changed) { changed->clear_choose_branch(); });
  return Passed(name, "none that nothing asks for");
}

v1::Check CheckOtherOperation(const PlanInput& input) {
  const std::string name = "other-operation";
  for (const v1::NodeView& node : input.view.nodes()) {
    const v1::EpochPromise& running = node.said().running();
    if (!node.reached() || running.operation_id().empty()) continue;
    if (running.operation_id() == input.instead_of) continue;
    return Not(v1::CHECK_OUTCOME_BLOCKED, name, node.member().node_id(),
               absl::StrCat(WhoseOperation(running), " runs at '", node.member().node_id(), "', for epoch ",
                            running.epoch()),
               "one operation at a time: wait for its end, or give it up (holdfast operation abort)",
               absl::StrCat("holdfast operation attach ", running.operation_id()));
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
v1::Check CheckNewRule(const PlanInput& input, const Branches& branches, const v1::Plan& plan) {
  const std::string name = "new-voters";
  const v1::DurabilityRule& rule = plan.new_rule();
  const replication::Rule before = OnKeptBranch(input.candidate, branches).StandingRule();
  const std::string seen = rule.quorum() == 0
                               ? std::string("commits of the new epoch will be local (q = 0)")
                               : absl::StrCat("commits of the new epoch need ", replication::ToString(rule));
  if (rule.quorum() == 0 && before.quorum > 0) {
    const bool accepted = input.overrides.accept_local();
    return Not(
        accepted ? v1::CHECK_OUTCOME_OVERRIDDEN : v1::CHECK_OUTCOME_BLOCKED, name,
        input.candidate.self.node_id, seen, "somebody who can vote",
        accepted ? "" : Again(input, [](v1::Overrides* overrides) { overrides->set_accept_local(true); }));
  }
  const bool is_whole =
      static_cast<size_t>(rule.voters_size()) >= before.voters.size() && rule.quorum() >= before.quorum;
  if (is_whole && rule.quorum() > 0) return Passed(name, seen);
  return Not(
      v1::CHECK_OUTCOME_WARNING, name, "", seen,
      absl::StrCat(before.quorum, " of ", before.voters.size(),
                   " as before: with fewer, the next loss weighs more. When nodes are back, give them their "
                   "vote: holdfast nodes set --voters NODES --q ",
                   before.quorum),
      "");
}

}  // namespace

std::vector<v1::Check> CheckPromotion(const PlanInput& input, const Branches& branches,
                                      const v1::Plan& plan) {
  std::vector<v1::Check> checks = {CheckCandidate(input), CheckOtherOperation(input)};
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) checks.push_back(CheckLastPrimary(input, plan));
  if (input.kind == v1::OPERATION_KIND_SWITCHOVER) {
    checks.push_back(CheckPrimaryHealthy(input, plan));
  } else {
    for (v1::Check& check : CheckPrimaryGone(input, plan)) checks.push_back(std::move(check));
  }
  for (v1::Check& check : std::vector<v1::Check>{
           CheckPromises(input, plan), CheckBranches(input, branches, plan),
           CheckOverrides(input, branches, plan), CheckNewRule(input, branches, plan), CheckDisk(input)})
    checks.push_back(std::move(check));
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
