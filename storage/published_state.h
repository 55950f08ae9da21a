#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/digest.h"
#include "base/mutex.h"
#include "base/position.h"
#include "storage/milestone.h"

namespace holdfast::storage {

// What the strand tells all other threads about the store. Any thread reads, the strand writes. What every
// point read asks for is atomic; the rest is behind a mutex that is held for a copy only.
class PublishedState {
 public:
  using Milestones = std::shared_ptr<const std::vector<Milestone>>;

  struct Snapshot {
    Position appended;
    Position visible;
    Revision floor;
    Position floor_position;  // of the last record that the floor covers
    Revision oldest_record;   // the first record above the floor; zero if the log is empty
    Digest128 state_digest;
    int64_t key_count = 0;
    Milestones milestones = std::make_shared<const std::vector<Milestone>>();
  };

  Revision visible_revision() const { return Revision(visible_.load(std::memory_order_acquire)); }
  Revision appended_revision() const { return Revision(appended_.load(std::memory_order_acquire)); }
  Revision floor() const { return Revision(floor_.load(std::memory_order_acquire)); }
  // Grows whenever records are cut or the file is replaced: a held snapshot from before must be renewed.
  uint64_t cut_count() const { return cuts_.load(std::memory_order_acquire); }
  // Grows with every transaction on data.db.
  uint64_t write_count() const { return writes_.load(std::memory_order_acquire); }

  Snapshot Get() const {
    MutexLock lock(&mu_);
    return snapshot_;
  }

  // Strand. In the order that a reader may rely on: what is appended before it is visible, the floor before
  // rows below it are deleted.
  void Set(const Snapshot& snapshot) {
    MutexLock lock(&mu_);
    snapshot_ = snapshot;
    appended_.store(snapshot.appended.revision.number(), std::memory_order_release);
    floor_.store(snapshot.floor.number(), std::memory_order_release);
    visible_.store(snapshot.visible.revision.number(), std::memory_order_release);
  }
  void CountWrite() { writes_.fetch_add(1, std::memory_order_release); }
  void CountCut() { cuts_.fetch_add(1, std::memory_order_release); }

 private:
  std::atomic<int64_t> visible_{0};
  std::atomic<int64_t> appended_{0};
  std::atomic<int64_t> floor_{0};
  std::atomic<uint64_t> cuts_{0};
  std::atomic<uint64_t> writes_{0};

  mutable Mutex mu_;
  Snapshot snapshot_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::storage
