#pragma once

#include <vector>

#include "absl/status/status.h"
#include "base/position.h"
#include "holdfast/v1/replication.pb.h"

namespace holdfast::replication {

// What a node that may take a snapshot has now. A plain value.
struct SnapshotTaker {
  std::string cluster_id;  // empty: none yet
  v1::EpochPromise promise;
  Position appended;
  std::vector<Position> epoch_starts;  // its EPOCH records, in order
  bool repairing =
      false;  // its log is given up under a new incarnation: only what is known of the history counts
};

// R11, R15: may this snapshot take the place of what the node has? Refused (SNAPSHOT_ALTERED, with why): one
// that ends at or below the node's own position, an empty one, one whose history shares no EPOCH record with
// the node's, however large it is, and one with a tail that does not begin after something committed or does
// not end in the stream's own epoch, as the log of its primary does. WRONG_CLUSTER, and the errors of
// AdmitStream. The stream's promise must be durable before the snapshot is installed if that is
// kAdmitOncePromised.
absl::Status AdmitSnapshot(const SnapshotTaker& taker, const v1::SnapshotManifest& manifest);

}  // namespace holdfast::replication
