#include "replication/acknowledgements.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "base/mutants.h"

namespace holdfast::replication {
namespace {

uint32_t QuorumOf(const Rule& rule) {
  return rule.quorum > 0 && MutantActive(Mutant::kQuorumOffByOne) ? rule.quorum - 1 : rule.quorum;
}

}  // namespace

void Acknowledgements::Acknowledge(const VoterId& voter, uint64_t stream_epoch, Revision held) {
  if (stream_epoch != epoch_) return;
  Revision& known = held_[voter];
  known = std::max(known, held);
}

uint32_t Acknowledgements::Holders(const Rule& rule, Revision revision) const {
  uint32_t count = 0;
  for (const VoterId& voter : rule.voters) {
    const auto it = held_.find(voter);
    if (it != held_.end() && it->second >= revision) ++count;
  }
  return count;
}

bool Acknowledgements::Waived(const Rule& rule, absl::Span<const RuleRecord> rules, size_t from) const {
  for (size_t i = from; i < rules.size(); ++i) {
    if (rules[i].revision.epoch() != epoch_) continue;  // an override speaks for its own epoch only
    if (rules[i].waives(rule)) return true;
  }
  return false;
}

bool Acknowledgements::ChangeHeld(absl::Span<const RuleRecord> rules, size_t i) const {
  const RuleRecord& change = rules[i];
  if (!Met(change.rule, change.revision) && !Waived(change.rule, rules, i + 1)) return false;
  if (i == 0 || MutantActive(Mutant::kJointRuleIgnored)) return true;
  const Rule& before = rules[i - 1].rule;
  // A break-glass record does without the rules that it names, and without no other.
  return change.waives(before) || Met(before, change.revision) || Waived(before, rules, i + 1);
}

Revision Acknowledgements::HeldByQuorum(const Rule& rule, Revision last) const {
  const uint32_t quorum = QuorumOf(rule);
  if (quorum == 0) return last;
  std::vector<Revision> held;
  for (const VoterId& voter : rule.voters) {
    const auto it = held_.find(voter);
    if (it != held_.end()) held.push_back(std::min(it->second, last));
  }
  if (held.size() < quorum) return Revision();
  std::nth_element(held.begin(), held.begin() + (quorum - 1), held.end(), std::greater<>());
  return held[quorum - 1];
}

Revision Acknowledgements::Committed(Revision known, Revision appended,
                                     absl::Span<const RuleRecord> rules) const {
  Revision committed = known;
  for (size_t i = 0; i < rules.size(); ++i) {
    // rules[0] is in force at `known` already, unless the log begins with it.
    if (rules[i].revision > known && !ChangeHeld(rules, i)) break;
    // Up to this epoch's own EPOCH record stand records of older epochs only, which are not counted (R9,
    // F12).
    const bool old_counts = MutantActive(Mutant::kOldEpochCounts);
    if (rules[i].revision.epoch() != epoch_ && !old_counts) continue;
    Revision last = appended;
    if (i + 1 < rules.size())
      last = Revision(old_counts ? rules[i].revision.epoch() : epoch_, rules[i + 1].revision.index() - 1);
    const bool is_late = i > 0 && MutantActive(Mutant::kRuleWhenSent);
    const Revision held = HeldByQuorum(rules[is_late ? i - 1 : i].rule, last);
    if ((held.epoch() == epoch_ || old_counts) && held > committed && held >= rules[i].revision)
      committed = held;
  }
  return committed;
}

}  // namespace holdfast::replication
