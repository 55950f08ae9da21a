#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/random.h"
#include "holdfast/v1/admin.pb.h"
#include "primary/commit_path.h"
#include "replication/replica.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::primary {

// What operators may change: the beginning of a cluster, and its membership. Asks the nodes for their
// incarnations, makes one record (membership.h), and answers when it is committed. Strand. Calls are
// independent of each other; the record is made from the state at its own place in the log, so two changes at
// once are two changes one after the other.
class Administration {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this and every call in flight
    replication::Replica* replica = nullptr;
    replication::PeerTransport* transport = nullptr;
    CommitPath* commit_path = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    Random* random = nullptr;
    std::string node_id;
  };

  static std::unique_ptr<Administration> Create(Options options);
  virtual ~Administration() = default;

  // ALREADY_INITIALIZED if this node has a cluster; errors of FirstEpochDraft; COMMIT_UNKNOWN if too few
  // voters acknowledged by `deadline` (SinceBoot): the cluster exists then, and goes on when they do.
  virtual void Init(v1::InitRequest request, absl::Duration deadline,
                    std::function<void(absl::StatusOr<v1::InitResponse>)> done) = 0;

  // Errors of Replica::CanAdmit and SettingsDraft; NOT_CAUGHT_UP if a new voter does not hold what is
  // committed by `deadline` (R21).
  virtual void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                           std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) = 0;

  // Answers who waits for the beginning of a cluster at once (COMMIT_UNKNOWN), and what polls at its next
  // look instead of at its deadline. Once the replica has stopped; may be called again.
  virtual void Stop() = 0;
};

}  // namespace holdfast::primary
