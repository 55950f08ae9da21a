// What the checker makes of promotions: the arithmetic of promises, of harvests and of hand-overs, worked out
// anew from what was heard and from what the logs held, when the EPOCH record is there and when an operation
// says DONE.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {
namespace {

// A frozen primary goes on by itself after five seconds of its own clock.
constexpr absl::Duration kSurelyFrozen = absl::Milliseconds(4900);

bool IsInsisted(const v1::Operation& operation) {
  return operation.verdict().kind() == v1::VERDICT_KIND_UNKNOWN ||
         !operation.plan().overrides().choose_branch().empty();
}

// The rules that a promotion must meet: the one in force at the last record of this log that anybody ever
// showed, and every one above it (R5).
std::vector<const v1::DurabilityRule*> RulesToMeet(const Entry* end) {
  std::vector<const v1::DurabilityRule*> rules;
  for (const Entry* at = end; at != nullptr && at->rule != nullptr; at = at->parent) {
    const bool is_shown = !at->shown_on.empty();
    if (at->rule_entry == at || is_shown) rules.push_back(at->rule);
    if (is_shown) break;
  }
  return rules;
}

}  // namespace

void Checker::NoteHeard(const std::string& from, const std::string& to, const v1::PromiseResponse& answer) {
  NodeFacts& facts = facts_[to];
  facts.answered_since_start.insert(from);
  if (answer.promise().candidate_node_id() != to) return;
  facts.heard[answer.promise().epoch()][{from, answer.incarnation()}] = facts_[from].end;
}

void Checker::NoteBegun(const std::string& node, const Entry& entry) {
  if (entry.record->message.epoch().node_id() == node)
    begun_with_[&entry] = facts_[node].heard[entry.epoch()];
}

// R18: whoever was primary when it went down admits nothing before it has asked.
void Checker::CheckResumed(const std::string& node, const Entry& entry) {
  NodeFacts& facts = facts_[node];
  if (!facts.was_primary || entry.record->message.origin_node() != node) return;
  facts.was_primary = false;
  if (entry.parent == nullptr || entry.epoch() != entry.parent->epoch()) return;  // a new epoch of its own
  const v1::DurabilityRule* const rule = entry.parent->rule;
  if (rule == nullptr || rule->quorum() == 0) return;
  const auto has_answered = [&](const v1::Voter& voter) {
    return facts.answered_since_start.contains(voter.node_id());
  };
  if (std::any_of(rule->voters().begin(), rule->voters().end(), has_answered)) return;
  violations_->Add("R18",
                   absl::StrCat(node, " goes on with ", Name(&entry), " after a restart, and no voter of ",
                                rule->voters_size(), " has answered it"));
}

// R4, R5, R20: enough voters have promised this epoch to this process, under every rule that may count; what
// they do not meet is waived by name.
void Checker::CheckPromises(const std::string& node, const Entry& record, const v1::Operation& operation) {
  const std::map<Holder, const Entry*>& heard = begun_with_[&record];
  const auto& waived = record.record->message.epoch().waived_rules();
  for (const v1::DurabilityRule* const rule : RulesToMeet(record.parent)) {
    if (rule->quorum() == 0) continue;  // proves nothing, and is asked for nothing
    const auto promised =
        std::count_if(rule->voters().begin(), rule->voters().end(), [&](const v1::Voter& voter) {
          return heard.contains({voter.node_id(), voter.incarnation()});
        });
    if (promised >= PromiseQuorum(*rule)) continue;
    const bool is_waived = std::any_of(waived.begin(), waived.end(), [&](const v1::DurabilityRule& one) {
      return one.SerializeAsString() == rule->SerializeAsString();
    });
    if (is_waived && IsInsisted(operation)) continue;
    violations_->Add(is_waived ? "R4" : "R5",
                     absl::StrCat(node, " begins epoch ", record.epoch(), " with ", promised, " of the ",
                                  PromiseQuorum(*rule), " promises that a rule with q = ", rule->quorum(),
                                  " needs, which its record ", is_waived ? "waives" : "does not waive"));
  }
}

// R6: of those whose promises it counts nobody had a higher end than the log that it goes on with.
void Checker::CheckHarvest(const std::string& node, const Entry& record, const v1::Operation& operation) {
  if (IsInsisted(operation)) return;
  const auto& cannot_give = operation.cannot_give();
  for (const v1::RuleCount& count : operation.verdict().rules()) {
    for (const std::string& voter : count.promised()) {
      if (std::find(cannot_give.begin(), cannot_give.end(), voter) != cannot_give.end()) continue;
      for (const auto& [holder, end] : begun_with_[&record]) {
        if (holder.first != voter || end == nullptr || History::IsOnPath(end, record.parent)) continue;
        const bool is_higher =
            record.parent == nullptr || end->position.revision > record.parent->position.revision;
        if (!is_higher) continue;
        violations_->Add(
            "R6", absl::StrCat(node, " begins epoch ", record.epoch(), " on ", Name(record.parent), "; ",
                               voter, ", whose promise it counts, held ", Name(end)));
      }
    }
  }
}

// What was confirmed is what is carried out, or something better.
void Checker::CheckConfirmed(const std::string& node, const Entry& record, const v1::Operation& operation) {
  const v1::Verdict& confirmed = operation.plan().verdict();
  const v1::Verdict& now = operation.verdict();
  const v1::Overrides& overrides = operation.plan().overrides();
  const bool is_unknown_fine = overrides.accept_unknown_loss() ||
                               confirmed.kind() == v1::VERDICT_KIND_UNKNOWN || operation.takes_back();
  const bool is_bound_fine =
      is_unknown_fine || (overrides.has_accept_loss() && now.lost_at_most() <= overrides.accept_loss());
  const bool is_fine = now.kind() == v1::VERDICT_KIND_PROVEN    ? true
                       : now.kind() == v1::VERDICT_KIND_BOUNDED ? is_bound_fine
                                                                : is_unknown_fine;
  if (is_fine) return;
  violations_->Add("R5", absl::StrCat(node, " begins epoch ", record.epoch(), " with the verdict \"",
                                      now.says(), "\"; confirmed was \"", confirmed.says(), "\""));
}

void Checker::CheckPromotion(const std::string& node, const Entry* record, const v1::Operation& operation) {
  CheckPromises(node, *record, operation);
  CheckHarvest(node, *record, operation);
  CheckConfirmed(node, *record, operation);
  const auto frozen = frozen_.find(operation.operation_id());
  if (frozen == frozen_.end() || time_->now() > frozen->second.since + kSurelyFrozen) return;
  const std::string& primary = operation.plan().ending_primary();
  if (facts_[primary].end == frozen->second.end || History::IsOnPath(facts_[primary].end, record)) return;
  violations_->Add(
      "6", absl::StrCat(primary, " has admitted ", Name(facts_[primary].end), " while it hands over to ",
                        node, ", who goes on from ", Name(record->parent)));
}

void Checker::OnFreeze(const v1::Operation& operation) {
  frozen_[operation.operation_id()] = {time_->now(), nullptr};
}

void Checker::OnDrained(const std::string& node, const v1::Operation& operation) {
  const auto frozen = frozen_.find(operation.operation_id());
  if (frozen == frozen_.end() || time_->now() > frozen->second.since + kSurelyFrozen) return;
  const std::string& primary = operation.plan().ending_primary();
  frozen->second.end = facts_[primary].end;
  if (facts_[node].end == facts_[primary].end) return;
  violations_->Add("6", absl::StrCat(node, " asks for promises, and has ", Name(facts_[node].end), " of ",
                                     primary, "'s log, which ends at ", Name(facts_[primary].end)));
}

// R21: enough of the new voters know that they are voters, so that the old ones may be switched off.
void Checker::CheckDone(const std::string& node, const v1::Operation& operation) {
  const Entry* const end = facts_[node].end;
  if (end == nullptr || end->rule == nullptr || end->rule->quorum() == 0) return;
  const auto& voters = end->rule->voters();
  const auto know = std::count_if(voters.begin(), voters.end(), [&](const v1::Voter& voter) {
    return end->rule_entry->shown_on.contains(voter.node_id());
  });
  if (know >= end->rule->quorum()) return;
  violations_->Add("R21", absl::StrCat(node, " calls operation ", operation.operation_id(), " done, and ",
                                       know, " of the ", end->rule->quorum(),
                                       " voters that it needs know of ", Name(end->rule_entry)));
}

}  // namespace holdfast::sim
