#include "replication/commit_count.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "replication/store_log.h"

namespace holdfast::replication {

CommitCount::CommitCount(storage::Store* store, uint64_t epoch, VoterId self)
    : store_(store), epoch_(epoch), self_(std::move(self)), acknowledgements_(epoch) {
  OnRuleAppended();
  OnOwnAppend();
}

void CommitCount::OnRuleAppended() {
  const Revision known = rules_.empty() ? store_->visible().revision : rules_.front().revision;
  rules_ = RulesFrom(*store_, known);
}

void CommitCount::OnOwnAppend() { acknowledgements_.Acknowledge(self_, epoch_, store_->appended().revision); }

bool CommitCount::OnHolds(const VoterId& voter, uint64_t stream_epoch, Revision held,
                          Revision durable_committed) {
  const bool counts = std::any_of(rules_.begin(), rules_.end(),
                                  [&voter](const RuleRecord& record) { return record.rule.HasVoter(voter); });
  if (!counts || stream_epoch != epoch_) return false;
  acknowledgements_.Acknowledge(voter, stream_epoch, held);
  Revision& known = durably_known_[voter];
  known = std::max(known, durable_committed);
  return true;
}

Position CommitCount::Committed() const {
  const Position visible = store_->visible();
  const Position appended = store_->appended();
  const Revision committed = acknowledgements_.Committed(visible.revision, appended.revision, rules_);
  if (committed <= visible.revision) return visible;
  if (committed == appended.revision) return appended;
  const absl::StatusOr<std::optional<Position>> position = store_->PositionAt(committed);
  return position.ok() && *position ? **position : visible;
}

Replica::Acknowledgement CommitCount::AcknowledgedAt(Revision revision) const {
  const std::vector<RuleRecord> rules = RulesFrom(*store_, revision);
  if (rules.empty()) return {};
  const Rule& rule = rules.front().rule;
  return {acknowledgements_.Holders(rule, revision), rule.quorum, rule.quorum == 0};
}

bool CommitCount::RuleSettled() const {
  const std::vector<RuleRecord> rules = RulesFrom(*store_, store_->appended().revision);
  if (rules.empty()) return false;
  const RuleRecord& newest = rules.back();
  if (newest.revision > store_->visible().revision) return false;
  uint32_t count = 0;
  for (const VoterId& voter : newest.rule.voters) {
    const auto it = durably_known_.find(voter);
    if (it != durably_known_.end() && it->second >= newest.revision) ++count;
  }
  return count >= newest.rule.quorum;
}

}  // namespace holdfast::replication
