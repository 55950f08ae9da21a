#pragma once

#include <functional>
#include <map>
#include <memory>

#include "absl/time/time.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/revision.h"
#include "storage/store.h"

namespace holdfast::serving {

// Calls that wait until this node shows a revision (`min_revision`), without holding a thread: at most
// kMaxVisibleWaiters, each for a bounded time. Any thread; told by the store on the core strand.
class VisibleWaiters : public storage::StoreObserver {
 public:
  // Called once, on the strand or on `timers`, never on the stack of whoever waits: must be quick. True: what
  // is visible has changed enough that the caller should look again; false: time is up.
  using Callback = std::function<void(bool look_again)>;

  // Both must outlive this; what `timers` still holds does nothing once this is gone.
  VisibleWaiters(Executor* timers, const storage::Store* store);
  ~VisibleWaiters() override;

  // False, without calling anything, if too many wait already. If the store shows `revision` by now,
  // `callback` has the next turn of `timers`.
  [[nodiscard]] bool Wait(Revision revision, absl::Duration timeout, Callback callback);

  int count() const;

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override {}
  void OnVisible(const Position& visible) override;
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override;
  void OnReplaced(const Position& visible) override;

 private:
  struct State;
  const std::shared_ptr<State> state_;
};

}  // namespace holdfast::serving
