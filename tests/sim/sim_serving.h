#pragma once

#include <memory>
#include <string>

#include "base/random.h"
#include "replication/replica.h"
#include "serving/node_state.h"
#include "serving/read_admission.h"
#include "serving/reader.h"
#include "serving/visible_waiters.h"
#include "serving/watch_hub.h"
#include "storage/store.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::sim {

// What answers clients in a process: the real parts of serving/ as serving/serving.h puts them together, with
// strands of the simulator in place of threads. One thread.
class SimServing {
 public:
  struct Options {
    testing::VirtualTime* time = nullptr;  // these must outlive it
    testing::VirtualClock* clock = nullptr;
    Random* random = nullptr;
    storage::Store* store = nullptr;
    replication::Replica* replica = nullptr;
    std::string node_id;
    std::string site;
  };

  explicit SimServing(const Options& options);
  ~SimServing();

  // The role has changed.
  void UpdateView();
  // What feeds watches is busy, as with very many of them.
  void KeepWatchesBusyFor(absl::Duration span) { watch_strand_.PauseFor(span); }
  // The process stands still; it ends.
  void PauseFor(absl::Duration span);
  void Shutdown();

  // OK if this node answers reads and watches in its role.
  absl::Status CheckServes() const;
  const serving::Reader& reader() const { return reader_; }
  const serving::ReadAdmission& admission() const { return admission_; }
  serving::WatchHub& watches() { return watches_; }
  const serving::NodeState& node() const { return node_; }

 private:
  serving::TaskQueue QueueOf(testing::SimExecutor& workers, Random* random);

  storage::Store* const store_;
  replication::Replica* const replica_;
  testing::SimExecutor watch_strand_;
  testing::SimExecutor workers_;
  serving::NodeState node_;
  serving::VisibleWaiters waiters_;
  serving::ReadAdmission admission_;
  serving::Reader reader_;
  serving::WatchHub watches_;
};

}  // namespace holdfast::sim
