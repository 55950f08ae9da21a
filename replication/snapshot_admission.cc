#include "replication/snapshot_admission.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/stream_gate.h"
#include "storage/record_codec.h"
#include "storage/snapshot_chunks.h"

namespace holdfast::replication {
namespace {

absl::StatusOr<bool> SharesHistory(const std::vector<Position>& own, const v1::SnapshotManifest& manifest) {
  for (const v1::LogPosition& start : manifest.epoch_starts()) {
    HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(start));
    if (std::find(own.begin(), own.end(), position) != own.end()) return true;
  }
  return false;
}

}  // namespace

absl::Status AdmitSnapshot(const SnapshotTaker& taker, const v1::SnapshotManifest& manifest) {
  const std::string& id = manifest.snapshot_id();
  if (manifest.cluster_id().empty()) return InvalidMessageError("manifest", "names no cluster");
  if (!taker.cluster_id.empty() && taker.cluster_id != manifest.cluster_id()) {
    return WrongClusterError(taker.cluster_id, manifest.cluster_id());
  }
  HF_RETURN_IF_ERROR(AdmitStream(taker.promise, {manifest.stream_epoch(), manifest.primary_node_id(),
                                                 manifest.primary_incarnation()})
                         .status());
  HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(manifest.position()));
  if (position.revision.is_zero()) return SnapshotRefusedError(id, "it is empty");
  if (position.revision.epoch() > manifest.stream_epoch()) {
    return SnapshotRefusedError(id, "it ends in a later epoch than its stream's");
  }
  HF_ASSIGN_OR_RETURN(const Position visible, storage::VisibleOf(manifest));
  if (visible.revision.is_zero() || (visible != position && visible.revision >= position.revision)) {
    return SnapshotRefusedError(id, absl::StrCat("it ends at ", position.revision.ToString(),
                                                 " and is to be shown up to ", visible.revision.ToString()));
  }
  if (visible != position && position.revision.epoch() != manifest.stream_epoch()) {
    return SnapshotRefusedError(id, "its tail is not the end of its stream's own epoch");
  }
  if (taker.appended.revision.is_zero() && taker.epoch_starts.empty()) return absl::OkStatus();
  HF_ASSIGN_OR_RETURN(const bool shares, SharesHistory(taker.epoch_starts, manifest));
  if (!shares) return SnapshotRefusedError(id, "its history has no epoch in common with this node's");
  if (!taker.repairing && !MutantActive(Mutant::kSnapshotBelowOwn) &&
      position.revision <= taker.appended.revision) {
    return SnapshotRefusedError(id, absl::StrCat("it ends at ", position.revision.ToString(),
                                                 ", this node has ", taker.appended.revision.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::replication
