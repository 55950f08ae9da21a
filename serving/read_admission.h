#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "serving/node_state.h"
#include "serving/read_gate.h"
#include "serving/task_queue.h"
#include "serving/visible_waiters.h"
#include "storage/store.h"

namespace holdfast::serving {

// How long a call may go on. A plain value; copied with the call.
struct CallLimits {
  absl::Duration deadline = absl::InfiniteDuration();  // SinceBoot
  std::function<bool()> cancelled;                     // any thread; may be empty

  // OK, or DEADLINE; CANCELLED once nobody waits for the answer.
  absl::Status Check(Clock& clock) const;
};

// Brings reads through the gate: at once on the calling thread, or later on a worker if the node must first
// become as recent as the read demands (I5). Any thread.
class ReadAdmission {
 public:
  struct Options {
    const storage::Store* store = nullptr;  // these must outlive the admission and the workers' tasks
    const NodeState* node = nullptr;
    VisibleWaiters* waiters = nullptr;
    Clock* clock = nullptr;
  };
  using Then = std::function<void(absl::StatusOr<ReadDecision>)>;

  explicit ReadAdmission(Options options) : options_(options) {}

  // Judges by what is visible now. Errors: those of NodeState::CheckServes and DecideRead.
  absl::StatusOr<ReadDecision> Decide(const ReadDemands& demands) const;

  // Calls `then` once with a decision that need not wait, on a worker of `queue`, after a wait for
  // `min_revision` if need be (at most kMaxMinRevisionWait). Errors, those of Decide and STALE,
  // RESOURCE_EXHAUSTED, may come on any thread.
  void OnWorker(const ReadDemands& demands, const CallLimits& limits, const TaskQueue& queue,
                Then then) const;

  Revision visible() const { return options_.store->visible().revision; }
  // What is shown now, with a bound that holds for it. Any thread.
  Shown Look() const;
  // Fills the header of an answer to an admitted read, as the last thing before it leaves. STALE if it has
  // meanwhile become older than was demanded.
  absl::Status FillHeader(const ReadDecision& decision, v1::ResponseHeader* header) const;

 private:
  struct Call;
  void Try(const std::shared_ptr<Call>& call) const;
  void Judge(const std::shared_ptr<Call>& call) const;
  void Wait(const std::shared_ptr<Call>& call, Revision revision) const;
  absl::Status TimeIsUp(Revision revision) const;

  const Options options_;
};

}  // namespace holdfast::serving
