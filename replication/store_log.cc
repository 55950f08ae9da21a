#include "replication/store_log.h"

#include <utility>

#include "absl/status/statusor.h"
#include "base/check.h"

namespace holdfast::replication {

using storage::Milestone;

std::optional<Position> StoreLog::At(Revision revision) const {
  if (revision.is_zero()) return Position();
  if (revision > end_.revision) return std::nullopt;
  if (revision == end_.revision) return end_;
  const absl::StatusOr<std::optional<Position>> position = store_->PositionAt(revision);
  return position.ok() ? *position : std::nullopt;  // what cannot be read is not confirmed
}

std::optional<Position> StoreLog::After(Revision revision) const {
  if (revision >= end_.revision) return std::nullopt;
  const auto records = store_->log().ReadAfter(revision, end_.revision, 1, 1);
  if (!records.ok() || records->empty()) return std::nullopt;
  const Position& next = records->front()->position;
  if (next.revision.index() != revision.index() + 1) return std::nullopt;  // the ones between are compacted
  return next;
}

bool StoreLog::Has(const Position& position) const {
  const std::optional<Position> own = At(position.revision);
  return own && *own == position;
}

bool StoreLog::HasOrHad(const Position& position) const {
  if (Has(position)) return true;
  if (position.revision > store_->floor()) return false;
  const EpochHistory history = HistoryOf(*store_, end_.revision);
  const EpochHistory::Span* const span = history.Find(position.revision.epoch());
  return span != nullptr && span->first.revision <= position.revision && position.revision <= span->last;
}

std::vector<Position> EpochStarts(const storage::Store& store) {
  std::vector<Position> starts;
  for (const Milestone& milestone : store.milestones()) {
    if (milestone.kind == v1::RECORD_KIND_EPOCH) starts.push_back(milestone.position);
  }
  return starts;
}

EpochHistory HistoryOf(const storage::Store& store, Revision end) {
  return EpochHistory(EpochStarts(store), end);
}

std::vector<RuleRecord> RulesFrom(const storage::Store& store, Revision known) {
  std::vector<RuleRecord> rules;
  for (const Milestone& milestone : store.milestones()) {
    if (!milestone.rule) continue;
    absl::StatusOr<Rule> rule = Rule::FromProto(*milestone.rule, "");
    HF_CHECK(rule.ok(), "the log carries an impossible durability rule");
    if (milestone.position.revision <= known) rules.clear();
    RuleRecord& record = rules.emplace_back(RuleRecord{milestone.position.revision, *std::move(rule), {}});
    if (!milestone.epoch) continue;
    for (const v1::DurabilityRule& waived : milestone.epoch->waived_rules()) {
      if (absl::StatusOr<Rule> parsed = Rule::FromProto(waived, ""); parsed.ok())
        record.waived.push_back(*parsed);
    }
  }
  return rules;
}

std::optional<Milestone> NewestEpoch(const storage::Store& store) {
  std::optional<Milestone> newest;
  for (Milestone& milestone : store.milestones()) {
    if (milestone.kind == v1::RECORD_KIND_EPOCH) newest = std::move(milestone);
  }
  return newest;
}

}  // namespace holdfast::replication
