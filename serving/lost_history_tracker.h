#pragma once

#include "base/mutex.h"
#include "serving/lost_history.h"
#include "storage/store.h"

namespace holdfast::serving {

// Keeps the LostHistory of what the observers of `store` were told to be visible; the store shows a revision
// a moment before. Told on the core strand, asked from any thread. `store` must outlive this.
class LostHistoryTracker : public storage::StoreObserver {
 public:
  explicit LostHistoryTracker(const storage::Store* store);

  LostHistory Now() const;

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override {}
  void OnVisible(const Position& visible) override;
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override;
  void OnReplaced(const Position& visible) override;

 private:
  void Refresh(Revision visible);

  const storage::Store* const store_;
  uint64_t epoch_ = 0;  // that was visible at the last refresh; strand only
  mutable Mutex mu_;
  LostHistory history_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::serving
