#include "replication/commit_count.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "replication/store_log.h"

namespace holdfast::replication {

CommitCount::CommitCount(storage::Store* store, uint64_t epoch, VoterId self)
    : store_(store), epoch_(epoch), self_(std::move(self)), acknowledgements_(epoch) {
  OnOwnAppend();
}

void CommitCount::OnOwnAppend() { acknowledgements_.Acknowledge(self_, epoch_, store_->appended().revision); }

void CommitCount::OnHolds(const VoterId& voter, uint64_t stream_epoch, Revision held,
                          Revision durable_committed) {
  acknowledgements_.Acknowledge(voter, stream_epoch, held);
  if (stream_epoch != epoch_) return;
  Revision& known = durably_known_[voter];
  known = std::max(known, durable_committed);
}

Position CommitCount::Committed() const {
  const Position visible = store_->visible();
  const Position appended = store_->appended();
  const Revision committed =
      acknowledgements_.Committed(visible.revision, appended.revision, RulesFrom(*store_, visible.revision));
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
