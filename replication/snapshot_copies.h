#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "replication/stream_gate.h"
#include "replication/transport.h"
#include "storage/snapshot_file.h"

namespace holdfast::replication {

// The snapshots that a node lends: at most kMaxSnapshotCopies copies of its database below
// `<data_dir>/copies`, each shared by all who fetch it, kept for kSnapshotIdleLife after the last of them,
// and removed at the next start. Copies are made and read away from the strand. One strand.
class SnapshotCopies {
 public:
  explicit SnapshotCopies(const Replica::Options& options);  // what it points to must outlive this
  ~SnapshotCopies();

  // Removes what an earlier process left.
  void Start();

  // A source for an admitted request: the copy that it names (SNAPSHOT_GONE), one that is made or being made
  // already if it is recent enough and ends above the asker's position, or a new one (SNAPSHOT_BUSY). A copy
  // has a tail (R15) only if `may_have_tail`, and nothing that is visible would be new to the asker.
  absl::StatusOr<std::unique_ptr<PeerService::SnapshotSource>> Serve(const v1::FetchSnapshotRequest& request,
                                                                     const StreamIdentity& stream,
                                                                     bool may_have_tail);
  // What the node follows or shows, or its role, has changed: who is fetching must ask again (R12). Copies
  // that end after `ancestor`, and those with a tail, are of no more use.
  void EndAll(Revision ancestor);

 private:
  class Source;
  struct Copy;

  std::shared_ptr<Copy> FindNamed(const std::string& id, bool may_have_tail);
  std::shared_ptr<Copy> FindRecent(Revision asker, storage::SnapshotTail tail);
  std::shared_ptr<Copy> Make(storage::SnapshotTail tail);
  void Settle(const std::shared_ptr<Copy>& copy);
  void Expire();
  void Forget(const std::shared_ptr<Copy>& copy);

  const Replica::Options& options_;
  const std::string directory_;
  Lifetime lifetime_;
  Lifetime streams_;  // renewed by EndAll
  std::vector<std::shared_ptr<Copy>> copies_;
};

}  // namespace holdfast::replication
