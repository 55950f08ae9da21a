#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "serving/node_state.h"
#include "serving/read_admission.h"
#include "serving/reader.h"
#include "serving/visible_waiters.h"
#include "serving/watch_hub.h"
#include "storage/store.h"

namespace holdfast::serving {

// Everything that answers clients from one store, with its threads: built and taken down by a node's
// composition root. Made and destroyed on the core strand, or while that does not run; the members may be
// used from any thread. No call may be under way when it is destroyed: shut the listeners down first.
class Serving {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive serving
    Clock* clock = nullptr;
    std::string node_id;
    std::string site;
    std::function<std::optional<absl::Duration>()> fresh_at;  // replication::Replica::FreshAt
  };

  explicit Serving(Options options);
  ~Serving();

  NodeState& node() { return node_; }
  const Reader& reader() const { return reader_; }
  const ReadAdmission& admission() const { return admission_; }
  WatchHub& watches() { return watches_; }

  // Ends all watches, each with the address to go on at; refuses new ones. `done` runs on a thread of ours
  // when none is left. Unary calls are answered as before: the listener's shutdown lets them end.
  void Drain(const std::string& try_address, std::function<void()> done) {
    watches_.Drain(try_address, std::move(done));
  }

  // Takes watches again. Whoever waits for the end of the drain is not told: it was called off.
  void Undrain() { watches_.Undrain(); }

 private:
  static TaskQueue QueueOf(WorkerPool& pool);

  storage::Store* const store_;
  NodeState node_;
  ThreadExecutor watch_thread_;  // the watch hub's strand, and the timers of waiting reads
  WorkerPool points_;
  WorkerPool ranges_;
  WorkerPool watch_reads_;
  VisibleWaiters waiters_;
  ReadAdmission admission_;
  Reader reader_;
  WatchHub watches_;
};

}  // namespace holdfast::serving
