#include "serving/serving.h"

#include <utility>

#include "base/limits.h"

namespace holdfast::serving {
namespace {

// Ranges and catching up give way to point reads and to the protocol: one thread for ranges, so that what
// listings make all others do (encode, send, decode) is bounded too, and a scheduler's share that is smaller,
// but not so small that they stand still on a busy machine, as they did at a niceness of 10.
constexpr int kRangeThreads = 1;
constexpr int kRangeNiceness = 2;

}  // namespace

Serving::Serving(Options options)
    : store_(options.store),
      node_({options.node_id, options.site, options.fresh_at, options.clock}),
      watch_thread_("watch", options.clock),
      points_("point-read", 1, kMaxQueuedPointReads),
      ranges_("range-read", kRangeThreads, kMaxQueuedRangeReads, kRangeNiceness),
      watch_reads_("watch-read", kMaxWatchReads, kMaxWatchReads, kRangeNiceness),
      waiters_(&watch_thread_, options.store),
      admission_({options.store, &node_, &waiters_, options.clock}),
      reader_({options.store, &admission_, options.clock, QueueOf(points_), QueueOf(ranges_)}),
      watches_({.log = &options.store->log(),
                .readers = &options.store->readers(),
                .node = &node_,
                .clock = options.clock,
                .executor = &watch_thread_,
                .workers = QueueOf(watch_reads_),
                .lost_history = [this] { return LostHistory::Of(*store_); },
                .visible = [this] { return store_->visible().revision; }}) {
  store_->AddObserver(&waiters_);
  store_->AddObserver(&watches_);
}

Serving::~Serving() {
  store_->RemoveObserver(&watches_);
  store_->RemoveObserver(&waiters_);
  points_.Shutdown();
  ranges_.Shutdown();
  watch_reads_.Shutdown();
  watch_thread_.Shutdown();
}

TaskQueue Serving::QueueOf(WorkerPool& pool) {
  return [&pool](std::function<void()> task) { return pool.TryPost(std::move(task)); };
}

}  // namespace holdfast::serving
