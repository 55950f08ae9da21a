#include "replication/stream_gate.h"

#include "base/mutants.h"
#include "base/revision.h"
#include "replication/errors.h"

namespace holdfast::replication {

absl::StatusOr<StreamAdmission> AdmitStream(const v1::EpochPromise& promise, const StreamIdentity& stream) {
  if (stream.primary_node_id.empty() || stream.primary_incarnation.empty()) {
    return InvalidMessageError("primary_node_id", "a stream must name its primary and its incarnation");
  }
  if (stream.epoch > Revision::kMaxEpoch) {
    return InvalidMessageError("stream_epoch", "above the highest epoch there can be");
  }
  if (MutantActive(Mutant::kPromiseLowered) && stream.epoch < promise.epoch())
    return StreamAdmission::kAdmitOncePromised;
  if (stream.epoch < promise.epoch()) return LowerEpochError(promise.epoch(), stream.epoch);
  if (stream.epoch > promise.epoch() || IsNoPromise(promise)) return StreamAdmission::kAdmitOncePromised;
  if (!IsPromisedTo(promise, stream)) return PromisedElsewhereError(promise);
  return StreamAdmission::kAdmit;
}

v1::EpochPromise PromiseFor(const StreamIdentity& stream) {
  v1::EpochPromise promise;
  promise.set_epoch(stream.epoch);
  promise.set_candidate_node_id(stream.primary_node_id);
  promise.set_candidate_incarnation(stream.primary_incarnation);
  promise.set_reason("follows this primary");
  return promise;
}

bool IsNoPromise(const v1::EpochPromise& promise) {
  return promise.epoch() == 0 && promise.candidate_node_id().empty();
}

bool IsPromisedTo(const v1::EpochPromise& promise, const StreamIdentity& stream) {
  return promise.epoch() == stream.epoch && promise.candidate_node_id() == stream.primary_node_id &&
         promise.candidate_incarnation() == stream.primary_incarnation;
}

}  // namespace holdfast::replication
