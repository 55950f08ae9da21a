#pragma once

#include <optional>
#include <vector>

#include "replication/epoch_history.h"
#include "replication/log_view.h"
#include "replication/rule.h"
#include "storage/store.h"

namespace holdfast::replication {

// A store's log as the deciders see it, up to `end`. Point reads of the database; strand.
class StoreLog : public LogView {
 public:
  // `store` must outlive this.
  StoreLog(storage::Store* store, const Position& end) : store_(store), end_(end) {}

  Position End() const override { return end_; }
  std::optional<Position> At(Revision revision) const override;
  std::optional<Position> After(Revision revision) const override;

  // Is `position` a record of this log, or its beginning?
  bool Has(const Position& position) const;
  // Is it one, or was it one before it was compacted? Of those nobody has the hash any more; the epochs tell,
  // which are never compacted: an epoch has one writer, which writes no index twice (I2, I4).
  bool HasOrHad(const Position& position) const;

 private:
  storage::Store* const store_;
  const Position end_;
};

// From the milestones, which are never compacted.
std::vector<Position> EpochStarts(const storage::Store& store);
EpochHistory HistoryOf(const storage::Store& store, Revision end);
// The rule in force at `known` and every later record with a rule, in order (R5, R10).
std::vector<RuleRecord> RulesFrom(const storage::Store& store, Revision known);
// The newest EPOCH record; nullopt for an empty log.
std::optional<storage::Milestone> NewestEpoch(const storage::Store& store);

}  // namespace holdfast::replication
