#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "holdfast/v1/config.pb.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::primary {

// Turns commit requests into records: gathers what waits into one transaction (one sync), judges request ids,
// then preconditions, makes records, and answers each when its record is committed under the durability rule.
// An answer that cannot be had in time is COMMIT_UNKNOWN, never a failure.
class CommitPath : public storage::StoreObserver {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the commit path
    replication::Replica* replica = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    std::string node_id;
  };
  using Callback = std::function<void(absl::StatusOr<v1::CommitResponse>)>;
  using MakeDraft =
      std::function<absl::StatusOr<std::optional<storage::RecordDraft>>(storage::Store::Batch&)>;

  static std::unique_ptr<CommitPath> Create(Options options);

  // Any thread. `request` has passed ValidateCommit. `done` is called once, on the strand, at the latest at
  // `deadline` (SinceBoot). The response's header is left to the caller. Errors: those of Replica::CanAdmit,
  // PRECONDITION_FAILED, REQUEST_ID_REUSED, OUTCOME_UNKNOWABLE, REQUEST_ID_AHEAD, COMMIT_UNKNOWN, DEADLINE
  // (nothing was changed), DISK_FULL, RESOURCE_EXHAUSTED.
  virtual void Commit(v1::CommitRequest request, std::string principal, absl::Duration deadline,
                      Callback done) = 0;

  // Appends a SETTINGS or COMPACT record that `make` builds from the newest state; answers when it is
  // committed. Strand. `make` may return nullopt: nothing to change (answers revision zero). `done` is never
  // called within a notification of the store, so it may append again.
  virtual void AppendControl(MakeDraft make, absl::Duration deadline,
                             std::function<void(absl::StatusOr<Revision>)> done) = 0;

  // Once CanAdmit fails: answers everything that waits (COMMIT_UNKNOWN for what is in the log, the CanAdmit
  // error for what is not, refusals too). Strand.
  virtual void OnRoleChange() = 0;
};

}  // namespace holdfast::primary
