#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "serving/watch_core.h"
#include "storage/store.h"

namespace holdfast::serving {

// All watches of a node (DESIGN 5). The door to WatchCore: every method hands over to the core's executor and
// returns; any thread. As an observer of the store it does no more than that on the core strand.
//
// The executor and the workers may go on or be shut down before or after the hub: what they still hold does
// nothing once the hub is gone. Streams that are open when the hub is destroyed are finished by it; destroy
// it when the executor has stopped.
class WatchHub : public storage::StoreObserver {
 public:
  explicit WatchHub(const WatchCore::Options& options);
  ~WatchHub() override;

  // A name for a stream to be. Never given twice.
  WatchId NewId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }

  // A new stream; `id` comes from NewId. What is wrong with it, its limits and its history is told through
  // sink->Finish.
  void Open(WatchId id, v1::WatchRequest request, std::shared_ptr<WatchSink> sink);

  // The sink said CanWrite() == false before, and can take a message now.
  void OnWritable(WatchId id);

  // The client is gone. The sink's Finish(CANCELLED) follows, unless the stream had ended.
  void Close(WatchId id);

  // Ends every stream after a last message with `try_address` and the revision to go on from; new ones are
  // refused (DRAINING). `done` runs on the executor when no stream is left.
  void Drain(std::string try_address, std::function<void()> done);

  // Takes new streams again; those that were told to go on elsewhere still do. `done` of a drain that is under
  // way is never called then.
  void Undrain();

  // Streams that are open now. Any thread.
  int64_t open_count() const { return core_->open_count(); }
  size_t progress_count() const { return core_->progress_count(); }  // the executor's thread; for tests

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override;
  void OnVisible(const Position& visible) override;
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override;
  void OnReplaced(const Position& visible) override;

 private:
  // A step that is queued but has not begun, so that the next one can be joined to it.
  struct VisibleStep {
    Revision visible;
  };

  void Post(std::function<void(WatchCore&)> task);
  void CloseVisibleStep();

  const std::shared_ptr<WatchCore> core_;
  Executor* const executor_;
  std::atomic<WatchId> next_id_{1};
  // Shared with what is queued.
  struct Steps {
    Mutex mu;
    std::shared_ptr<VisibleStep> open ABSL_GUARDED_BY(mu);
  };
  const std::shared_ptr<Steps> steps_;
};

}  // namespace holdfast::serving
