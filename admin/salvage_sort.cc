#include "admin/salvage_sort.h"

#include <algorithm>
#include <utility>

#include "admin/salvage_request.h"
#include "base/check.h"

namespace holdfast::admin {
namespace {

// A key while the records are gone through: as it is now, or as an earlier record will have left it.
struct Shown {
  std::optional<std::string> value;
  int after_record = -1;
};

// Goes through the records once, in their order.
class Sorter {
 public:
  Sorter(const std::vector<LostRecord>& records, const SalvageFacts& facts, const SalvageSelection& selection)
      : records_(records), facts_(facts), selection_(selection) {
    for (const auto& [key, known] : facts.keys) {
      Shown& shown = shown_[key];
      if (known.current) shown.value = known.current->value();
    }
    FindCommittedAgain();
  }

  std::vector<RecordVerdict> Run() {
    std::vector<RecordVerdict> verdicts;
    for (size_t i = 0; i < records_.size(); ++i) verdicts.push_back(Judge(i));
    return verdicts;
  }

 private:
  struct Again {
    int64_t revision = 0;
    SalvageWhy why = SalvageWhy::kCommittedAgain;
  };

  const KeyFacts& FactsOf(const std::string& key) const {
    const auto it = facts_.keys.find(key);
    HF_CHECK(it != facts_.keys.end(), "facts of every key were gathered");
    return it->second;
  }

  void FindCommittedAgain();
  RecordVerdict Judge(size_t i);
  ChangeVerdict JudgeChange(size_t i, const v1::Change& change) const;
  ChangeVerdict JudgeCurrent(size_t i, const KeyFacts& known) const;
  bool IsUntouched(const KeyFacts& known) const;
  void Assume(size_t i, const RecordVerdict& verdict);

  const std::vector<LostRecord>& records_;
  const SalvageFacts& facts_;
  const SalvageSelection& selection_;
  std::map<std::string, Shown, std::less<>> shown_;
  std::map<size_t, Again> again_;            // by index of the lost record
  std::map<int64_t, size_t> lost_of_again_;  // and back, by the revision of the commit
};

// By request ids, which say it exactly: values may be equal by chance.
void Sorter::FindCommittedAgain() {
  for (size_t i = 0; i < records_.size(); ++i) {
    if (!records_[i].is_commit()) continue;
    const v1::CommitInfo& commit = records_[i].message.commit();
    for (const v1::Change& change : records_[i].message.changes()) {
      for (const KeyFacts::Later& later : FactsOf(change.key()).since) {
        const bool by_client = !commit.request_id().empty() && later.request_id == commit.request_id();
        if (!by_client && !IsSalvageRequestId(records_[i], later.request_id)) continue;
        again_[i] = {later.revision, by_client ? SalvageWhy::kCommittedAgain : SalvageWhy::kApplied};
        lost_of_again_[later.revision] = i;
      }
    }
  }
}

RecordVerdict Sorter::Judge(size_t i) {
  RecordVerdict verdict;
  if (!records_[i].is_commit()) {
    verdict.sort = SalvageSort::kNotConfiguration;
    return verdict;
  }
  const auto again = again_.find(i);
  if (again != again_.end()) verdict.present_at = again->second.revision;
  for (const v1::Change& change : records_[i].message.changes()) {
    ChangeVerdict& judged = verdict.changes.emplace_back();
    if (again != again_.end()) {
      judged.why = again->second.why;
      judged.revision = again->second.revision;
      continue;
    }
    judged = JudgeChange(i, change);
    verdict.sort = std::max(verdict.sort, judged.sort);
    if (judged.sort == SalvageSort::kConflicting) verdict.seen = std::max(verdict.seen, judged.revision);
  }
  Assume(i, verdict);
  return verdict;
}

ChangeVerdict Sorter::JudgeChange(size_t i, const v1::Change& change) const {
  const Shown& shown = shown_.find(change.key())->second;
  const std::optional<std::string> lost =
      change.has_value() ? std::optional<std::string>(change.value()) : std::nullopt;
  ChangeVerdict verdict;
  if (shown.value == lost) {
    verdict.after_record = shown.after_record;
    return verdict;  // present: the same value
  }
  if (shown.after_record < 0) return JudgeCurrent(i, FactsOf(change.key()));
  verdict.sort = SalvageSort::kClean;
  verdict.why = SalvageWhy::kContinues;
  verdict.revision = records_[static_cast<size_t>(shown.after_record)].position.revision.number();
  verdict.after_record = shown.after_record;
  return verdict;
}

// The key is as somebody left it, and that is not what the lost record wrote.
ChangeVerdict Sorter::JudgeCurrent(size_t i, const KeyFacts& known) const {
  ChangeVerdict verdict;
  if (IsUntouched(known)) {
    verdict.sort = SalvageSort::kClean;
    verdict.why = SalvageWhy::kUntouched;
    return verdict;
  }
  const int64_t newest = known.since.empty() ? 0 : known.since.front().revision;
  verdict.revision = std::max(newest, known.current ? known.current->mod_revision() : 0);
  const auto again = lost_of_again_.find(newest);
  if (again != lost_of_again_.end()) {
    const bool is_later = again->second > i;
    verdict.sort = is_later ? SalvageSort::kPresent : SalvageSort::kClean;
    verdict.why = is_later ? SalvageWhy::kSuperseded : SalvageWhy::kContinues;
    return verdict;
  }
  verdict.sort = SalvageSort::kConflicting;
  const bool is_changed = newest != 0 || known.base_state == KeyFacts::Base::kKnown;
  verdict.why = is_changed ? SalvageWhy::kChanged : SalvageWhy::kBaseUnknown;
  return verdict;
}

// A key that exists says itself when it was changed last. One that does not exist may have been made and
// deleted since: only the whole history after the ancestor says that it was not.
bool Sorter::IsUntouched(const KeyFacts& known) const {
  if (facts_.ancestor == 0 || known.base_state == KeyFacts::Base::kNoAncestor) return false;
  if (known.current) return known.current->mod_revision() <= facts_.ancestor;
  return known.base_state == KeyFacts::Base::kKnown && !known.base && known.since.empty();
}

// What is wanted, and can be, is taken as done: later records of the same keys go on from there.
void Sorter::Assume(size_t i, const RecordVerdict& verdict) {
  const auto has = [i](const std::vector<bool>& set) { return i < set.size() && set[i]; };
  const bool is_wanted = selection_.wanted.empty() || has(selection_.wanted);
  const bool is_done = (verdict.sort == SalvageSort::kClean && is_wanted) ||
                       (verdict.sort == SalvageSort::kConflicting && has(selection_.overwritten));
  if (!is_done) return;
  for (size_t n = 0; n < verdict.changes.size(); ++n) {
    if (verdict.changes[n].sort == SalvageSort::kPresent) continue;
    const v1::Change& change = records_[i].message.changes(static_cast<int>(n));
    Shown& shown = shown_.find(change.key())->second;
    shown.value = change.has_value() ? std::optional<std::string>(change.value()) : std::nullopt;
    shown.after_record = static_cast<int>(i);
  }
}

}  // namespace

std::vector<RecordVerdict> SortSalvage(const std::vector<LostRecord>& records, const SalvageFacts& facts,
                                       const SalvageSelection& selection) {
  return Sorter(records, facts, selection).Run();
}

}  // namespace holdfast::admin
