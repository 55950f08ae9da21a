#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/position.h"
#include "replication/acknowledgements.h"
#include "replication/replica.h"
#include "replication/rule.h"
#include "storage/store.h"

namespace holdfast::replication {

// The voters' bookkeeping of a primary for its epoch: who holds what, how far that commits the log (R9, R10),
// and who durably knows that (R21). Strand.
class CommitCount {
 public:
  // `store` must outlive this; `self` is the primary, which counts where a rule of an earlier epoch names it
  // (F15).
  CommitCount(storage::Store* store, uint64_t epoch, VoterId self);

  // Own records became durable.
  void OnOwnAppend();
  // A record that may carry a rule became durable: before OnOwnAppend.
  void OnRuleAppended();
  // A follower holds `held`, whose hash was compared with this log, and durably knows `durable_committed` to
  // be committed. False if no rule names it: nothing has changed (of a hundred that acknowledge, three
  // count).
  bool OnHolds(const VoterId& voter, uint64_t stream_epoch, Revision held, Revision durable_committed);

  // Where the log is committed now: a position of this log, at least what is visible. Advance the visible
  // position to it.
  Position Committed() const;

  Replica::Acknowledgement AcknowledgedAt(Revision revision) const;
  bool RuleSettled() const;

 private:
  storage::Store* const store_;
  const uint64_t epoch_;
  const VoterId self_;
  std::vector<RuleRecord> rules_;  // the one in force when this began, and every later one
  Acknowledgements acknowledgements_;
  std::map<VoterId, Revision> durably_known_;
};

}  // namespace holdfast::replication
