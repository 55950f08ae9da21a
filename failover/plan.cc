#include "failover/plan.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/digest.h"
#include "base/mutants.h"
#include "failover/checks.h"
#include "failover/errors.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using replication::Rule;

// The answers of all that were reached, as the promises that they would give.
std::vector<v1::PromiseResponse> WordsOf(const v1::ClusterView& view) {
  std::vector<v1::PromiseResponse> words;
  for (const v1::NodeView& node : view.nodes()) {
    if (node.reached()) words.push_back(node.said());
  }
  return words;
}

// R3, and never below what anybody has promised: a promise for more can only be had with a higher number.
uint64_t HighestEpochSeen(const PlanInput& input) {
  uint64_t highest = std::max(input.self_promised, input.candidate.appended.revision.epoch());
  for (const v1::NodeView& node : input.view.nodes()) {
    if (!node.reached()) continue;
    const v1::PromiseResponse& said = node.said();
    highest = std::max(
        {highest, said.promise().epoch(), said.epoch(), Revision(said.appended().revision()).epoch()});
  }
  return highest;
}

// Whose epoch ends: the highest of which anybody has a record. Who its primary was: the candidate's log
// knows, or that of whoever has the record.
void FillEnding(const PlanInput& input, v1::Plan* plan) {
  uint64_t epoch = input.candidate.appended.revision.epoch();
  std::string primary = input.newest_epoch.node_id();
  for (const v1::NodeView& node : input.view.nodes()) {
    if (!node.reached()) continue;
    const v1::PromiseResponse& said = node.said();
    const uint64_t theirs = Revision(said.appended().revision()).epoch();
    if (theirs <= epoch) continue;
    epoch = theirs;
    primary = said.epochs().empty() ? said.primary_node_id() : said.epochs().rbegin()->primary_node_id();
  }
  plan->set_ending_epoch(epoch);
  plan->set_ending_primary(primary);
}

// `drained`: where all that is reached will hold, at the end of a planned hand-over.
std::vector<NewVoter> VotersToBe(const v1::ClusterView& view, const std::optional<Position>& drained) {
  std::vector<NewVoter> voters;
  for (const v1::NodeView& node : view.nodes()) {
    if (!node.reached() || !node.said().cannot_promise().empty() || !WillFollow(node.said())) continue;
    NewVoter& voter = voters.emplace_back();
    voter.node_id = node.member().node_id();
    voter.incarnation = node.said().incarnation();
    voter.site = node.member().site();
    voter.is_proxy = node.member().kind() == v1::NODE_KIND_PROXY;
    voter.appended = drained ? *drained : storage::FromProto(node.said().appended()).value_or(Position());
  }
  return voters;
}

void FillSteps(v1::Plan* plan) {
  const std::string epoch = absl::StrCat(plan->epoch());
  if (plan->kind() == v1::OPERATION_KIND_SWITCHOVER) {
    plan->add_steps("bring this node close to the primary, while commits go on");
    plan->add_steps(absl::StrCat("hold up commits at '", plan->ending_primary(),
                                 "' (the pause begins; it ends by itself after 5 s if nothing follows)"));
    plan->add_steps("receive the rest of its log");
  }
  plan->add_steps(absl::StrCat("promise epoch ", epoch, " to itself"));
  plan->add_steps(absl::StrCat("ask every reachable node for its promise; from then on nothing of epoch ",
                               plan->ending_epoch(), " is taken there"));
  for (const v1::Branch& branch : plan->branches()) {
    if (branch.chosen()) plan->add_steps(absl::StrCat("go on from the branch ", branch.name()));
  }
  plan->add_steps(plan->verdict().chosen_from() == plan->candidate()
                      ? "fetch what anybody has beyond this log (nothing, by now)"
                      : absl::StrCat("fetch what '", plan->verdict().chosen_from(), "' has beyond this log"));
  plan->add_steps("judge the promises again; stop if they say less than this plan");
  plan->add_steps(absl::StrCat("append the EPOCH record of epoch ", epoch, " (the point of no return)"));
  plan->add_steps("open for commits when the voters hold it");
  plan->add_steps("send every node to the new primary, and wait until they follow it");
  for (const v1::Branch& branch : plan->branches()) {
    if (branch.chosen() || plan->overrides().choose_branch().empty()) continue;
    plan->add_steps(absl::StrCat("the branch ", branch.name(), ": ", branch.records(),
                                 " records go to salvage files at ", absl::StrJoin(branch.nodes(), ", "),
                                 ", as each comes to the new primary"));
  }
}

}  // namespace

uint64_t NextEpoch(uint64_t highest, uint32_t slot) {
  const uint64_t above = highest + 1;
  if (MutantActive(Mutant::kPlainEpochNumbers)) return above;
  return above + (kEpochSlots + slot - above % kEpochSlots) % kEpochSlots;
}

v1::ClusterView WithoutNodes(v1::ClusterView view, const std::set<std::string>& gone) {
  const auto is_gone = [&](const v1::Feed& feed) {
    return gone.contains(feed.primary_node_id()) || gone.contains(feed.upstream_node_id());
  };
  const auto forget = [&](v1::Vantage* vantage) {
    if (is_gone(vantage->feed())) vantage->clear_feed();
    for (v1::Sighting& sighting : *vantage->mutable_sightings()) {
      if (!gone.contains(sighting.node_id())) continue;
      sighting.clear_role();
      sighting.clear_epoch();
      sighting.set_reached(false);
      sighting.set_reason("UNREACHABLE");
    }
  };
  forget(view.mutable_command());
  for (v1::NodeView& node : *view.mutable_nodes()) {
    if (!gone.contains(node.member().node_id())) {
      if (node.has_vantage()) forget(node.mutable_vantage());
      if (is_gone(node.said().feed())) node.mutable_said()->clear_feed();
      continue;
    }
    node.clear_said();
    node.clear_vantage();
    node.set_reached(false);
    node.set_reason("UNREACHABLE");
  }
  return view;
}

v1::Verdict JudgeBranches(const CandidateLog& candidate, const std::vector<v1::PromiseResponse>& words,
                          const Branches& branches, const Position& reachable) {
  v1::Verdict verdict = Judge(OnKeptBranch(candidate, branches), words, reachable, branches.left);
  if (branches.open.ok()) return verdict;
  std::set<std::string> others(verdict.other_branch().begin(), verdict.other_branch().end());
  for (const v1::Branch& branch : branches.all) others.insert(branch.nodes().begin(), branch.nodes().end());
  others.erase(candidate.self.node_id);
  verdict.clear_other_branch();
  for (const std::string& node_id : others) verdict.add_other_branch(node_id);
  return verdict;
}

std::string CommandAgain(v1::OperationKind kind, const std::string& candidate,
                         const v1::Overrides& overrides) {
  std::string command = absl::StrCat(
      "holdfast ", kind == v1::OPERATION_KIND_SWITCHOVER ? "switchover " : "promote ", candidate);
  if (kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) command += " --in-place";
  for (const std::string& override : OverridesAsTyped(overrides)) absl::StrAppend(&command, " ", override);
  return command;
}

v1::Plan MakePlan(const PlanInput& input) {
  v1::Plan plan;
  plan.set_kind(input.kind);
  plan.set_candidate(input.candidate.self.node_id);
  plan.set_epoch(NextEpoch(HighestEpochSeen(input), input.self.slot()));
  FillEnding(input, &plan);
  *plan.mutable_overrides() = input.overrides;
  *plan.mutable_view() = input.view;
  // Whose log has which epochs has been weighed into the branches.
  for (v1::NodeView& node : *plan.mutable_view()->mutable_nodes()) {
    if (node.has_said()) node.mutable_said()->clear_epochs();
  }
  const std::vector<v1::PromiseResponse> words = WordsOf(input.view);
  const Branches branches =
      FindBranches(input.candidate.self.node_id, words, input.overrides.choose_branch());
  CandidateLog candidate = OnKeptBranch(input.candidate, branches);
  // What a reachable node holds can be had from it, unless it has shown that it cannot.
  std::vector<v1::PromiseResponse> giving = words;
  std::erase_if(giving, [&input](const v1::PromiseResponse& said) {
    return input.cannot_give.contains(said.node_id());
  });
  const v1::PromiseResponse* const highest = Highest(candidate, giving, branches.left);
  const Position reachable =
      highest == nullptr ? candidate.appended : storage::FromProto(highest->appended()).value_or(Position());
  // As its log will be then: a record of that log may have ended a spell. What is carried out is judged by
  // what was really fetched.
  if (highest != nullptr && branches.open.ok())
    BringRules({highest->epochs().begin(), highest->epochs().end()}, candidate.appended.revision, &candidate);
  *plan.mutable_verdict() = JudgeBranches(candidate, words, branches, reachable);
  if (input.kind == v1::OPERATION_KIND_PROMOTE_IN_PLACE) SayInPlace(plan.candidate(), plan.mutable_verdict());
  for (const v1::Branch& branch : branches.all) {
    v1::Branch& shown = *plan.add_branches() = branch;
    v1::Overrides overrides = input.overrides;
    overrides.set_choose_branch(branch.name());
    shown.set_next_command(CommandAgain(input.kind, plan.candidate(), overrides));
  }
  const bool across = input.kind == v1::OPERATION_KIND_SWITCHOVER;
  const auto drained = across ? std::optional<Position>(reachable) : std::nullopt;
  *plan.mutable_new_rule() =
      RuleForNewEpoch(candidate, input.self.site(), across, VotersToBe(input.view, drained), reachable);
  for (v1::Check& check : CheckPromotion(input, branches, plan)) *plan.add_checks() = std::move(check);
  plan.set_admissible(std::none_of(plan.checks().begin(), plan.checks().end(), [](const v1::Check& check) {
    return check.outcome() == v1::CHECK_OUTCOME_BLOCKED;
  }));
  FillSteps(&plan);
  plan.set_plan_id(PlanId(plan));
  return plan;
}

std::string PlanId(const v1::Plan& plan) {
  std::string facts =
      absl::StrCat("kind=", plan.kind(), ";candidate=", plan.candidate(), ";epoch=", plan.epoch(),
                   ";ending=", plan.ending_epoch(), "/", plan.ending_primary(),
                   ";verdict=", plan.verdict().kind(), "/", plan.verdict().lost_at_most());
  for (const v1::NodeView& node : plan.view().nodes()) {
    if (node.member().node_id() == plan.candidate()) absl::StrAppend(&facts, ":", node.said().incarnation());
  }
  // The branch: of which epoch the chosen log is, not how far it reaches.
  absl::StrAppend(&facts, ";branch=", Revision(plan.verdict().chosen().revision()).epoch());
  for (const v1::RuleCount& count : plan.verdict().rules()) {
    absl::StrAppend(&facts, ";rule=", count.rule().quorum(), "/", count.needed());
    for (const v1::Voter& voter : count.rule().voters())
      absl::StrAppend(&facts, ",", voter.node_id(), ":", voter.incarnation());
    // Who promises matters where it is not enough; one more or less of what is enough changes nothing.
    if (IsMet(count)) {
      absl::StrAppend(&facts, ",met");
    } else {
      for (const std::string& node_id : count.promised()) absl::StrAppend(&facts, ",+", node_id);
    }
  }
  // Not who they are: which node holds the whole log changes from one moment to the next.
  absl::StrAppend(&facts, ";new=", plan.new_rule().quorum());
  const v1::Overrides& overrides = plan.overrides();
  absl::StrAppend(&facts, ";loss=", overrides.has_accept_loss() ? overrides.accept_loss() : -1, "/",
                  overrides.accept_unknown_loss(), "/", overrides.accept_local(), "/",
                  overrides.choose_branch());
  const std::set<std::string> sites(overrides.assert_sites_down().begin(),
                                    overrides.assert_sites_down().end());
  for (const std::string& site : sites) absl::StrAppend(&facts, ",down:", site);
  const auto digest = Sha256(facts);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), 6));
}

absl::Status WhyRefused(const v1::Plan& plan) {
  for (const v1::Check& check : plan.checks()) {
    if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) return CheckFailedError(check);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::failover
