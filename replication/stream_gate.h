#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/position.h"
#include "holdfast/v1/replication.pb.h"

namespace holdfast::replication {

// Whose stream it is: fixed by the primary, passed on unchanged by relays (R12). It is the stream's epoch
// that decides, never that of the records in it (R11, F16). A plain value.
struct StreamIdentity {
  uint64_t epoch = 0;
  std::string primary_node_id;
  std::string primary_incarnation;

  bool operator==(const StreamIdentity&) const = default;
};

// How a stream that may be used is taken.
enum class StreamAdmission {
  kAdmit,             // the stream is what was promised
  kAdmitOncePromised  // PromiseFor(stream) must be durable before anything of the stream is used (R11)
};

// R11: may a node with this durable promise append, cut, install or learn a commit from `stream`?
// LOWER_EPOCH, PROMISED_ELSEWHERE (the same epoch, another primary), INVALID_REQUEST (no primary named).
// Decided anew after every change of the promise.
absl::StatusOr<StreamAdmission> AdmitStream(const v1::EpochPromise& promise, const StreamIdentity& stream);

// What following `stream` promises.
v1::EpochPromise PromiseFor(const StreamIdentity& stream);

// True for "none given yet".
bool IsNoPromise(const v1::EpochPromise& promise);

// Is the promise given to this node and incarnation, for this epoch (R17)?
bool IsPromisedTo(const v1::EpochPromise& promise, const StreamIdentity& stream);

}  // namespace holdfast::replication
