#include "replication/promise_book.h"

#include <algorithm>

#include "base/mutants.h"
#include "base/revision.h"
#include "replication/errors.h"
#include "replication/stream_gate.h"

namespace holdfast::replication {

absl::StatusOr<PromiseDecision> DecidePromise(const v1::EpochPromise& current, uint64_t log_epoch,
                                              const v1::EpochPromise& asked) {
  if (asked.candidate_node_id().empty() || asked.candidate_incarnation().empty()) {
    return InvalidMessageError("promise", "a candidate must give its node id and incarnation");
  }
  if (asked.epoch() > Revision::kMaxEpoch) {
    return InvalidMessageError("promise", "above the highest epoch there can be");
  }
  if (asked.epoch() > current.epoch() && asked.epoch() > log_epoch) return PromiseDecision::kStore;
  if (asked.epoch() < current.epoch() || asked.epoch() < log_epoch) {
    const absl::Status lower = LowerEpochError(std::max(current.epoch(), log_epoch), asked.epoch());
    return current.epoch() >= log_epoch ? WithPromise(lower, current) : lower;
  }
  if (asked.epoch() > current.epoch() || IsNoPromise(current)) {
    // The log is of this epoch already, but the promise that led there is gone: whose epoch it was is not for
    // us to say.
    return log_epoch > 0 ? absl::StatusOr<PromiseDecision>(LowerEpochError(log_epoch, asked.epoch()))
                         : absl::StatusOr<PromiseDecision>(PromiseDecision::kStore);
  }
  if (asked.candidate_node_id() != current.candidate_node_id() ||
      asked.candidate_incarnation() != current.candidate_incarnation()) {
    return MutantActive(Mutant::kPromisedTwice) ? absl::StatusOr<PromiseDecision>(PromiseDecision::kRepeat)
                                                : PromisedElsewhereError(current);
  }
  return PromiseDecision::kRepeat;
}

bool HandsOver(const v1::EpochPromise& promise, const std::string& node_id, uint64_t epoch) {
  if (!promise.has_handed_over()) return false;
  if (promise.candidate_node_id() == node_id) return true;
  return promise.handed_over().node_id() == node_id && promise.handed_over().epoch() == epoch;
}

}  // namespace holdfast::replication
