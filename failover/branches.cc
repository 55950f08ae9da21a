#include "failover/branches.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/mutants.h"
#include "failover/errors.h"

namespace holdfast::failover {
namespace {

using Word = v1::PromiseResponse;
using Words = std::vector<const Word*>;

// So much of a chain hash names a branch; fewer digits are not taken.
constexpr size_t kHashDigits = 8;

Revision EndOf(const Word& word) { return Revision(word.appended().revision()); }

// The last record of both logs. Two that have the same first record of an epoch agree on that epoch up to the
// shorter one (I2, I4).
Revision CommonEnd(const Word& left, const Word& right) {
  for (auto mine = left.epochs().rbegin(); mine != left.epochs().rend(); ++mine) {
    for (const v1::LogEpoch& theirs : right.epochs()) {
      if (theirs.first().revision() == mine->first().revision() &&
          theirs.first().chain_hash() == mine->first().chain_hash())
        return Revision(std::min(mine->last_revision(), theirs.last_revision()));
    }
  }
  return Revision();
}

bool IsPartOf(const Word& word, const Word& other) { return CommonEnd(word, other) == EndOf(word); }

// An empty log, or one of which nothing is known, is a part of any.
bool IsDescribed(const Word& word) { return word.epochs_size() > 0 && word.cannot_promise().empty(); }

// The logs that are no part of another one, highest first.
Words LeadersOf(const std::vector<Word>& words) {
  Words by_end;
  for (const Word& word : words) {
    if (IsDescribed(word)) by_end.push_back(&word);
  }
  std::stable_sort(by_end.begin(), by_end.end(), [](const Word* left, const Word* right) {
    if (MutantActive(Mutant::kChosenByLength)) return EndOf(*left).index() > EndOf(*right).index();
    return EndOf(*left) > EndOf(*right);
  });
  Words leaders;
  for (const Word* word : by_end) {
    const bool is_part = std::any_of(leaders.begin(), leaders.end(),
                                     [word](const Word* leader) { return IsPartOf(*word, *leader); });
    if (!is_part) leaders.push_back(word);
  }
  return leaders;
}

// Of this leader's branch, and of no other.
bool IsOnlyOf(const Word& word, size_t leader, const Words& leaders) {
  if (!IsDescribed(word)) return false;
  for (size_t i = 0; i < leaders.size(); ++i) {
    if (IsPartOf(word, *leaders[i]) != (i == leader)) return false;
  }
  return true;
}

template <typename Predicate>
bool AnyEpochBeyond(const Word& word, Revision fork, Predicate predicate) {
  return std::any_of(word.epochs().begin(), word.epochs().end(), [&](const v1::LogEpoch& epoch) {
    return Revision(epoch.first().revision()) > fork && predicate(epoch);
  });
}

// Where both sides have something that somebody may rely on, so that their numbers must not decide.
bool NeedsPerson(size_t lower, const Words& leaders, const std::string& candidate,
                 const std::vector<Word>& words) {
  const Revision fork = CommonEnd(*leaders[0], *leaders[lower]);
  const auto is_unsettled = [](const v1::LogEpoch& epoch) {
    return epoch.breaks_glass() && epoch.unsettled();
  };
  if (AnyEpochBeyond(*leaders[0], fork, is_unsettled) || AnyEpochBeyond(*leaders[lower], fork, is_unsettled))
    return true;
  const bool was_decided =
      AnyEpochBeyond(*leaders[0], fork, [](const v1::LogEpoch& epoch) { return epoch.breaks_glass(); });
  return std::any_of(words.begin(), words.end(), [&](const Word& word) {
    if (!IsOnlyOf(word, lower, leaders) || Revision(word.committed().revision()) <= fork) return false;
    // What the candidate itself has shown is never cut by numbers.
    return !was_decided || word.node_id() == candidate;
  });
}

std::string NameOf(const v1::LogPosition& position) {
  return absl::StrCat(Revision(position.revision()).ToString(), "@",
                      absl::BytesToHexString(position.chain_hash()).substr(0, kHashDigits));
}

bool IsNamed(const v1::LogPosition& position, const std::string& choice) {
  const size_t at = choice.find('@');
  if (at == std::string::npos || choice.size() - at - 1 < kHashDigits) return false;
  return Revision::Parse(choice.substr(0, at)) == Revision(position.revision()) &&
         absl::StartsWith(absl::BytesToHexString(position.chain_hash()),
                          absl::AsciiStrToLower(choice.substr(at + 1)));
}

// The branch with a known record of that name: an end of one of its logs, or the beginning of an epoch.
std::vector<size_t> Named(const std::string& choice, const Words& leaders, const std::vector<Word>& words) {
  std::vector<size_t> named;
  for (size_t i = 0; i < leaders.size(); ++i) {
    const bool is_named = std::any_of(words.begin(), words.end(), [&](const Word& word) {
      if (!IsDescribed(word) || !IsPartOf(word, *leaders[i])) return false;
      return IsNamed(word.appended(), choice) ||
             std::any_of(word.epochs().begin(), word.epochs().end(),
                         [&](const v1::LogEpoch& epoch) { return IsNamed(epoch.first(), choice); });
    });
    if (is_named) named.push_back(i);
  }
  return named;
}

v1::Branch MakeBranch(size_t index, const Words& leaders, const std::vector<Word>& words) {
  const Word& leader = *leaders[index];
  Revision fork;
  for (size_t i = 0; i < leaders.size(); ++i) {
    if (i != index) fork = std::max(fork, CommonEnd(leader, *leaders[i]));
  }
  v1::Branch branch;
  branch.set_name(NameOf(leader.appended()));
  *branch.mutable_end() = leader.appended();
  branch.set_fork_revision(fork.number());
  branch.set_records(static_cast<int64_t>(EndOf(leader).index() - fork.index()));
  for (const Word& word : words) {
    if (!IsOnlyOf(word, index, leaders)) continue;
    branch.add_nodes(word.node_id());
    const Revision committed(word.committed().revision());
    if (committed > fork)
      branch.set_committed_revision(std::max(branch.committed_revision(), committed.number()));
  }
  std::sort(branch.mutable_nodes()->begin(), branch.mutable_nodes()->end());
  for (const v1::LogEpoch& epoch : leader.epochs()) {
    if (Revision(epoch.last_revision()) > fork) branch.add_epochs(Revision(epoch.first().revision()).epoch());
    for (const v1::LogRule& rule : epoch.rules()) {
      if (Revision(rule.revision()) > fork) *branch.add_rules() = rule.rule();
    }
  }
  if (Revision(leader.last_commit().revision()) > fork) *branch.mutable_last_commit() = leader.last_commit();
  return branch;
}

void AddRules(const v1::Branch& branch, std::vector<v1::DurabilityRule>* rules) {
  for (const v1::DurabilityRule& rule : branch.rules()) {
    const bool is_known = std::any_of(rules->begin(), rules->end(), [&](const v1::DurabilityRule& known) {
      return known.SerializeAsString() == rule.SerializeAsString();
    });
    // Nothing can be proven under q = 0, so there is nobody to wait for.
    if (!is_known && rule.quorum() > 0) rules->push_back(rule);
  }
}

// The candidate's own first, so that a person who reads knows where they stand.
size_t OwnBranch(const std::string& candidate, const Words& leaders, const std::vector<Word>& words) {
  for (const Word& word : words) {
    if (word.node_id() != candidate) continue;
    for (size_t i = 0; i < leaders.size(); ++i) {
      if (IsOnlyOf(word, i, leaders)) return i;
    }
  }
  return leaders.size();
}

void Keep(size_t kept, const std::string& candidate, const Words& leaders, const std::vector<Word>& words,
          Branches* out) {
  const Word& leader = *leaders[kept];
  out->kept_from = leader.node_id();
  out->kept_epochs.assign(leader.epochs().begin(), leader.epochs().end());
  for (const Word& word : words) {
    if (word.node_id() == candidate) out->own_fork = CommonEnd(word, leader);
    if (IsDescribed(word) && !IsPartOf(word, leader)) out->left.insert(word.node_id());
  }
}

}  // namespace

Branches FindBranches(const std::string& candidate, const std::vector<Word>& words,
                      const std::string& choice) {
  Branches out;
  for (const Word& word : words) {
    if (word.node_id() == candidate) out.own_fork = EndOf(word);
  }
  const Words leaders = LeadersOf(words);
  const std::vector<size_t> named = choice.empty() ? std::vector<size_t>() : Named(choice, leaders, words);
  bool needs_person = !choice.empty() && (leaders.size() > 1 || named.empty());
  for (size_t i = 1; i < leaders.size(); ++i) needs_person |= NeedsPerson(i, leaders, candidate, words);
  if (leaders.size() > 1 && needs_person) {
    for (size_t i = 0; i < leaders.size(); ++i) {
      v1::Branch& branch = out.all.emplace_back(MakeBranch(i, leaders, words));
      branch.set_chosen(named.size() == 1 && named.front() == i);
    }
  }
  if (needs_person && named.size() != 1) {
    out.open = choice.empty() ? BranchesOpenError(candidate, out.all) : NoSuchBranchError(choice, out.all);
  } else if (!leaders.empty()) {
    Keep(named.empty() ? 0 : named.front(), candidate, leaders, words, &out);
    for (const v1::Branch& branch : out.all) {
      if (!branch.chosen()) AddRules(branch, &out.left_rules);
    }
  }
  const size_t own = OwnBranch(candidate, leaders, words);
  if (own < out.all.size()) std::rotate(out.all.begin(), out.all.begin() + own, out.all.begin() + own + 1);
  return out;
}

CandidateLog OnKeptBranch(const CandidateLog& candidate, const Branches& branches) {
  const Revision fork = branches.own_fork;
  if (branches.kept_from.empty() || fork >= candidate.appended.revision) return candidate;
  CandidateLog kept = candidate;
  kept.appended = Position{fork, ChainHash()};
  kept.has = [fork, has = candidate.has](const Position& position) {
    return position.revision <= fork && has(position);
  };
  // A spell that another branch has begun, or this one has ended, is not what the next rule is measured by.
  if (std::erase_if(kept.rules, [fork](const auto& record) { return record.revision > fork; }) > 0)
    kept.former.reset();
  BringRules({branches.kept_epochs.begin(), branches.kept_epochs.end()}, fork, &kept);
  return kept;
}

void BringRules(const std::vector<v1::LogEpoch>& epochs, Revision after, CandidateLog* log) {
  for (const v1::LogEpoch& epoch : epochs) {
    for (const v1::LogRule& brought : epoch.rules()) {
      auto rule = replication::Rule::FromProto(brought.rule(), "");
      if (Revision(brought.revision()) <= after || !rule.ok()) continue;
      log->rules.push_back({Revision(brought.revision()), *std::move(rule), {}});
      log->former.reset();
    }
  }
}

std::string Describe(const v1::Branch& branch) {
  std::string text =
      absl::StrCat("'", branch.name(), "' at ", absl::StrJoin(branch.nodes(), ", "), " (", branch.records(),
                   " records of its own since ", Revision(branch.fork_revision()).ToString(), ", ");
  if (branch.committed_revision() == 0) {
    text += "none known committed";
  } else {
    absl::StrAppend(&text, "committed up to ", Revision(branch.committed_revision()).ToString());
  }
  if (branch.has_last_commit()) {
    absl::StrAppend(
        &text, "; the last commit by ", branch.last_commit().author(), " at ",
        absl::FormatTime("%Y-%m-%d %H:%M:%SZ", absl::FromUnixMicros(branch.last_commit().wall_time_us()),
                         absl::UTCTimeZone()));
  }
  return text + ")";
}

}  // namespace holdfast::failover
