#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "holdfast/v1/replication.pb.h"

namespace holdfast::replication {

// How a promise that may be given is given.
enum class PromiseDecision {
  kStore,   // durable before the position that the answer carries is read (R1, F14)
  kRepeat,  // given already, to this very candidate: answer again
};

// R1, R2: what a node whose durable promise is `current`, and whose newest record is of `log_epoch`, does
// when `asked`. A higher epoch is granted to anyone; the same one only to the candidate (node and
// incarnation) that has it. LOWER_EPOCH, PROMISED_ELSEWHERE, INVALID_REQUEST.
absl::StatusOr<PromiseDecision> DecidePromise(const v1::EpochPromise& current, uint64_t log_epoch,
                                              const v1::EpochPromise& asked);

// The promise hands over a role of this node, which was last primary of `epoch`, or is one that it gave
// itself to take that role back. Another one's hand-over says nothing of what this node alone may hold: it
// waits for a person (R20).
bool HandsOver(const v1::EpochPromise& promise, const std::string& node_id, uint64_t epoch);

}  // namespace holdfast::replication
