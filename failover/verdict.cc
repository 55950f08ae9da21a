#include "failover/verdict.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/mutants.h"
#include "replication/inventory.h"
#include "replication/promise_book.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using replication::Rule;
using replication::RuleRecord;
using replication::VoterId;

Position PositionOf(const v1::LogPosition& proto) { return storage::FromProto(proto).value_or(Position()); }

const v1::PromiseResponse* WordOf(const std::vector<v1::PromiseResponse>& words, const std::string& node_id) {
  const auto found = std::find_if(words.begin(), words.end(),
                                  [&](const v1::PromiseResponse& said) { return said.node_id() == node_id; });
  return found == words.end() ? nullptr : &*found;
}

// Why this voter's promise does not count; nullopt if it does.
std::optional<std::string> WhyNot(const VoterId& voter, const std::vector<v1::PromiseResponse>& words) {
  const v1::PromiseResponse* const said = WordOf(words, voter.node_id);
  if (said == nullptr) return "has not answered";
  if (said->incarnation() != voter.incarnation && !MutantActive(Mutant::kPromiseByName)) {
    return "has lost what it had acknowledged (another incarnation was admitted)";
  }
  if (!said->cannot_promise().empty()) return absl::StrCat("cannot promise: ", said->cannot_promise());
  return std::nullopt;
}

v1::RuleCount Count(const RuleRecord& record, bool is_newest, const std::vector<v1::PromiseResponse>& words) {
  v1::RuleCount count;
  *count.mutable_rule() = record.rule.ToProto();
  count.set_revision(record.revision.number());
  count.set_needed(record.rule.PromisesNeeded().value_or(0));
  if (count.needed() > 1 && MutantActive(Mutant::kPromisesOffByOne)) count.set_needed(count.needed() - 1);
  count.set_ended_local(record.rule.quorum == 0 && !is_newest);
  for (const VoterId& voter : record.rule.voters) {
    const std::optional<std::string> why = WhyNot(voter, words);
    if (!why) {
      count.add_promised(voter.node_id);
      continue;
    }
    v1::MissingVoter& missing = *count.add_missing();
    missing.set_node_id(voter.node_id);
    missing.set_why(*why);
  }
  return count;
}

std::string Sentence(const v1::Verdict& verdict, uint64_t epoch) {
  switch (verdict.kind()) {
    case v1::VERDICT_KIND_PROVEN:
      return absl::StrCat(
          "0 of the commits acknowledged as replicated in epoch ", epoch,
          " are lost; what someone forced elsewhere since the last contact is another branch, "
          "and goes to salvage");
    case v1::VERDICT_KIND_BOUNDED:
      return absl::StrCat(
          "at most ", verdict.lost_at_most(), verdict.lost_at_most() == 1 ? " record" : " records",
          " of epoch ", epoch, verdict.lost_at_most() == 1 ? " is" : " are", " lost, acknowledged or not: '",
          verdict.chosen_from(), "' is known to hold up to ",
          Revision(verdict.chosen().revision()).ToString(), ", and it cannot be had from there");
    default:
      break;
  }
  if (const v1::RuleCount* const count = FirstUnmet(verdict)) {
    if (count->needed() == 0) {
      return absl::StrCat("epoch ", epoch,
                          " was in a local spell (q = 0): what its primary alone holds is "
                          "known to nobody else, and may be lost");
    }
    return absl::StrCat("only ", count->promised_size(), " of the ", count->needed(),
                        " promises that would meet every acknowledged commit of epoch ", epoch,
                        " can be had: some may be lost, and nobody can say how many");
  }
  if (verdict.rules_size() == 0) return "the log has no durability rule";
  return "a higher log of a later epoch is known, and cannot be had";
}

}  // namespace

bool IsMet(const v1::RuleCount& count) {
  if (count.ended_local()) return true;
  return count.needed() > 0 && static_cast<uint32_t>(count.promised_size()) >= count.needed();
}

const v1::RuleCount* FirstUnmet(const v1::Verdict& verdict) {
  for (const v1::RuleCount& count : verdict.rules()) {
    if (!IsMet(count)) return &count;
  }
  return nullptr;
}

void SayInPlace(const std::string& candidate, v1::Verdict* verdict) {
  const v1::RuleCount* const unmet = FirstUnmet(*verdict);
  if (verdict->kind() != v1::VERDICT_KIND_UNKNOWN || unmet == nullptr) return;
  verdict->set_says(absl::StrCat("nothing that '", candidate,
                                 "' acknowledged itself is lost: its own log goes on. Not known is "
                                 "what others may have acknowledged without it, in an epoch of their own: ",
                                 unmet->promised_size(), " of the ", unmet->needed(),
                                 " promises that would tell can be had of {",
                                 replication::NamesOf(unmet->rule().voters()), "}"));
}

bool WillFollow(const v1::PromiseResponse& said) {
  if (said.role() != v1::NODE_ROLE_SUSPENDED && said.role() != v1::NODE_ROLE_FENCED) return true;
  return replication::HandsOver(said.promise(), said.node_id(), said.epoch()) ||
         !said.running().operation_id().empty();
}

std::string MissingVoters(const v1::Verdict& verdict) {
  std::set<std::string> missing;
  for (const v1::RuleCount& count : verdict.rules()) {
    if (IsMet(count)) continue;
    for (const v1::MissingVoter& voter : count.missing()) missing.insert(voter.node_id());
  }
  return absl::StrJoin(missing, ", ");
}

Rule CandidateLog::StandingRule() const {
  if (former) return *former;
  return rules.empty() ? Rule() : rules.back().rule;
}

std::optional<Rule> FormerRule(const v1::ClusterInfo& cluster) {
  if (!cluster.has_spell()) return std::nullopt;
  const absl::StatusOr<Rule> rule = Rule::FromProto(cluster.spell().former_rule(), "");
  return rule.ok() ? std::optional<Rule>(*rule) : std::nullopt;
}

const v1::PromiseResponse* Highest(const CandidateLog& candidate,
                                   const std::vector<v1::PromiseResponse>& words,
                                   const std::set<std::string>& left) {
  const v1::PromiseResponse* highest = nullptr;
  Revision revision = candidate.appended.revision;
  for (const v1::PromiseResponse& said : words) {
    const Revision has(said.appended().revision());
    if (has <= revision || !said.cannot_promise().empty() || left.contains(said.node_id())) continue;
    if (MutantActive(Mutant::kHarvestSkipped)) continue;
    highest = &said;
    revision = has;
  }
  return highest;
}

v1::Verdict Judge(const CandidateLog& candidate, const std::vector<v1::PromiseResponse>& words,
                  const Position& reachable, const std::set<std::string>& left) {
  v1::Verdict verdict;
  Revision known_committed;
  for (const v1::PromiseResponse& said : words) {
    if (!said.cannot_promise().empty()) continue;
    const Position committed = PositionOf(said.committed());
    if (left.contains(said.node_id()) && !candidate.has(committed)) continue;
    // Beyond the candidate's own end nothing can be looked up yet: judged again once it is harvested.
    const bool is_of_this_log = committed.revision.is_zero() ||
                                committed.revision > candidate.appended.revision || candidate.has(committed);
    if (is_of_this_log) {
      known_committed = std::max(known_committed, committed.revision);
    } else {
      verdict.add_other_branch(said.node_id());
    }
  }
  // R5: the one in force there, and every later one.
  std::vector<RuleRecord> rules;
  for (const RuleRecord& record : candidate.rules) {
    if (record.revision <= known_committed || MutantActive(Mutant::kOnlyNewestRule)) rules.clear();
    rules.push_back(record);
  }
  if (rules.size() > 1 && MutantActive(Mutant::kOnlyKnownRule)) rules.resize(1);
  bool is_met = !rules.empty();
  for (size_t i = 0; i < rules.size(); ++i) {
    *verdict.add_rules() = Count(rules[i], i + 1 == rules.size(), words);
    if (MutantActive(Mutant::kSelfAlwaysCounts) && !rules[i].rule.HasVoter(candidate.self))
      verdict.mutable_rules(static_cast<int>(i))->add_promised(candidate.self.node_id);
    is_met &= IsMet(verdict.rules(static_cast<int>(i)));
  }
  const v1::PromiseResponse* const highest = Highest(candidate, words, left);
  const Position chosen = highest == nullptr ? candidate.appended : PositionOf(highest->appended());
  *verdict.mutable_chosen() = storage::ToProto(chosen);
  verdict.set_chosen_from(highest == nullptr ? candidate.self.node_id : highest->node_id());
  const bool can_be_had = reachable.revision >= chosen.revision;
  // Across epochs the numbers do not tell how many records lie between.
  const bool is_countable = reachable.revision.epoch() == chosen.revision.epoch();
  if (!is_met || (!can_be_had && !is_countable)) {
    verdict.set_kind(v1::VERDICT_KIND_UNKNOWN);
  } else if (can_be_had) {
    verdict.set_kind(v1::VERDICT_KIND_PROVEN);
  } else {
    verdict.set_kind(v1::VERDICT_KIND_BOUNDED);
    verdict.set_lost_at_most(static_cast<int64_t>(chosen.revision.index() - reachable.revision.index()));
  }
  verdict.set_says(Sentence(verdict, chosen.revision.epoch()));
  return verdict;
}

v1::DurabilityRule RuleForNewEpoch(const CandidateLog& candidate, const std::string& site, bool across,
                                   const std::vector<NewVoter>& promised, const Position& chosen) {
  const Rule before = candidate.StandingRule();
  std::vector<const NewVoter*> fit;
  for (const NewVoter& node : promised) {
    if (node.node_id == candidate.self.node_id) continue;
    const bool was_voter = before.HasVoter({node.node_id, node.incarnation});
    // An old voter is fed what it lacks before it counts; a new one must hold the log already (R21).
    if (was_voter || node.appended == chosen) fit.push_back(&node);
  }
  const auto rank = [&](const NewVoter* node) {
    const bool was_voter = before.HasVoter({node->node_id, node->incarnation});
    if (across) return std::make_tuple(node->site == site, node->is_proxy, !was_voter, node->node_id);
    return std::make_tuple(!was_voter, node->site != site, !node->is_proxy, node->node_id);
  };
  std::sort(fit.begin(), fit.end(),
            [&](const NewVoter* left, const NewVoter* right) { return rank(left) < rank(right); });
  if (fit.size() > before.voters.size()) fit.resize(before.voters.size());
  Rule rule;
  for (const NewVoter* node : fit) rule.voters.push_back({node->node_id, node->incarnation});
  std::sort(rule.voters.begin(), rule.voters.end());
  rule.quorum = std::min(before.quorum, static_cast<uint32_t>(rule.voters.size()));
  return rule.ToProto();
}

}  // namespace holdfast::failover
