#pragma once

#include <cstdint>
#include <map>

#include "absl/types/span.h"
#include "base/revision.h"
#include "replication/rule.h"

namespace holdfast::replication {

// Counts, for the primary of one epoch, who holds what, and says how far the log is committed (R9, R10). Pure
// arithmetic; one thread. The caller has compared the chain hash of every acknowledged position with its own
// log (R12) before it comes here.
class Acknowledgements {
 public:
  explicit Acknowledgements(uint64_t epoch) : epoch_(epoch) {}

  // `voter` holds everything up to `held` durably, received under `stream_epoch`. Ignored unless that is this
  // epoch (R9, F12); a late, repeated or lower acknowledgement changes nothing. The primary reports itself
  // too: rules of earlier epochs may name it (F15).
  void Acknowledge(const VoterId& voter, uint64_t stream_epoch, Revision held);

  // How many members of V hold `revision`.
  uint32_t Holders(const Rule& rule, Revision revision) const;

  // The highest revision that is committed, given that everything up to `known` is, that the log ends at
  // `appended`, and that `rules` are the rule in force at `known` and every later record with a rule, in
  // order. Never below `known`. A revision above `known` is of this epoch: what precedes it is committed with
  // it.
  Revision Committed(Revision known, Revision appended, absl::Span<const RuleRecord> rules) const;

 private:
  bool Met(const Rule& rule, Revision revision) const { return Holders(rule, revision) >= rule.quorum; }
  // R10, R20: may records from `rules[i]` on be counted at all?
  bool ChangeHeld(absl::Span<const RuleRecord> rules, size_t i) const;
  bool Waived(const Rule& rule, absl::Span<const RuleRecord> rules, size_t from) const;
  // The highest revision up to `last` that q of V hold.
  Revision HeldByQuorum(const Rule& rule, Revision last) const;

  const uint64_t epoch_;
  std::map<VoterId, Revision> held_;
};

}  // namespace holdfast::replication
