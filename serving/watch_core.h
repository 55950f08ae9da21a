#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/limits.h"
#include "base/revision.h"
#include "serving/lost_history.h"
#include "serving/node_state.h"
#include "serving/range_index.h"
#include "serving/task_queue.h"
#include "serving/watch_read.h"
#include "serving/watch_ring.h"
#include "serving/watch_stream.h"
#include "storage/log_reader.h"
#include "storage/reader_pool.h"

namespace holdfast::serving {

// All state of the watch hub, on one executor; WatchHub is its door for other threads. Streams that are up to
// date are served from the ring as commits come; those that are not, or that want previous versions, are read
// for by workers, a few at a time, and come back to the ring. Nothing here waits: a stream is written to only
// when its sink can take a message (I11).
class WatchCore : public std::enable_shared_from_this<WatchCore> {
 public:
  struct Options {
    storage::LogReader* log = nullptr;  // these must outlive the core and its workers
    storage::ReaderPool* readers = nullptr;
    const NodeState* node = nullptr;
    Clock* clock = nullptr;
    Executor* executor = nullptr;               // the core's own; every method runs on it
    TaskQueue workers;                          // for reads of the database
    std::function<LostHistory()> lost_history;  // of what is visible; any thread
    size_t max_ring_bytes = kMaxWatchRingBytes;
    std::function<Revision()> visible;  // any thread
  };

  explicit WatchCore(Options options);
  ~WatchCore();

  // Streams. `Open` answers through the sink, refusals too. The store shows a revision a moment before the
  // core hears of it: a request whose `min_revision` is such a one waits for that. One that
  // a rewind took back after the gate had seen it is refused: STALE or REWOUND.
  void Open(WatchId id, const v1::WatchRequest& request, std::shared_ptr<WatchSink> sink);
  void OnWritable(WatchId id);
  void Close(WatchId id, const absl::Status& status);  // the client is gone; unknown ids are ignored
  // Ends every stream, each after a message that says where it stands and where to go; refuses new ones.
  // `done` when all have ended.
  void Drain(std::string try_address, std::function<void()> done);
  // Admits streams again; those that have not been told to go elsewhere yet stay. Nobody who waited for the
  // end of the drain is told of it.
  void Undrain();

  // What the store did, in its order.
  void OnVisible(Revision visible);
  void OnRewound(Revision ancestor, Revision visible_before, std::vector<std::string> touched_keys);
  void OnReplaced(Revision visible);

  // Any thread.
  int64_t open_count() const { return open_count_.load(std::memory_order_relaxed); }
  size_t progress_count() const { return progress_due_.size(); }
  size_t ring_bytes() const { return ring_.bytes(); }
  Revision tail() const { return tail_; }

 private:
  using Task = void (WatchCore::*)();
  enum class Sent { kMore, kNothing, kEnded };  // kEnded: the stream is gone

  // A request that waits for the tail to reach what the store shows.
  struct Unopened {
    WatchId id = 0;
    v1::WatchRequest request;
    std::shared_ptr<WatchSink> sink;
  };

  WatchStream* Find(WatchId id);
  void Post(Task task);
  void PostAfter(absl::Duration delay, Task task);
  absl::Status Admit(const v1::WatchRequest& request, WatchStream* stream);
  absl::Status CheckDemanded(Revision demanded);
  void End(WatchStream& stream, const absl::Status& status);
  void TellDrained();
  Revision Reached(const WatchStream& stream) const;
  Shown Look();

  // Visible commits (watch_core.cc).
  void Advance();
  bool IsShown(Revision revision) const;
  void TakeNextRecords();
  void OpenShown();
  void Take(const storage::LogRecord& record, std::vector<WatchId>* touched);
  void FallBehind(Revision visible);
  void EndLostCursors(Revision before);

  // Sending (watch_core_send.cc).
  void Deliver(WatchId id);
  Sent SendNext(WatchStream& stream);
  void SendRewind(WatchStream& stream);
  void SendMark(WatchStream& stream);
  Sent SendFromRing(WatchStream& stream);
  void EndWithHint(WatchStream& stream);
  void Write(WatchStream& stream, WatchMessage message, Revision told);
  void ArmProgress();
  void OnProgressTimer();

  // Reading (watch_core_read.cc).
  static constexpr absl::Duration kRetryAfter = absl::Milliseconds(20);
  // All readers were busy, or a rewind of which the core has not heard yet came between: try again.
  static bool IsPassing(const absl::Status& status);
  void QueueRead(WatchStream& stream);
  void StartReads();
  void OnReadDone(WatchId id, uint64_t generation, absl::StatusOr<WatchReadResult> result);
  void UndoUnsent(WatchStream& stream);

  // Rewinds (watch_core_rewind.cc).
  bool Rewind(WatchStream& stream, Revision ancestor, Revision old_tail);
  void StartRestore(Revision ancestor);
  void OnRestored(uint64_t generation, absl::StatusOr<RestoredKeys> restored);

  const Options options_;
  std::unordered_map<WatchId, std::unique_ptr<WatchStream>> streams_;
  std::atomic<int64_t> open_count_{0};  // streams_.size(), for other threads
  std::vector<Unopened> unopened_;
  RangeIndex index_;
  WatchRing ring_;
  Revision tail_;  // everything visible up to here was looked at for every stream
  std::optional<absl::Duration> tail_fresh_at_;  // since when the tail has been all there was
  Revision target_;                              // what is visible
  bool advancing_ = false;                       // Advance is posted
  LostHistory lost_;
  uint64_t generation_ = 0;             // of the history; what workers read of an older one is thrown away
  std::set<std::string> rewound_keys_;  // of all rewinds that some stream was not told of yet

  std::deque<WatchId> read_queue_;
  int reads_in_flight_ = 0;
  bool retry_armed_ = false;

  std::set<std::pair<absl::Duration, WatchId>> progress_due_;  // one entry a stream
  bool progress_armed_ = false;

  bool draining_ = false;
  std::string try_address_;
  std::vector<std::function<void()>> drained_;  // whoever asked; a second drain does not silence the first
};

}  // namespace holdfast::serving
