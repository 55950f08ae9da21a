#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"

namespace holdfast::storage {

// The locks and the shared memory that the connections to one file of a MemoryDisk have in common, as
// SQLite's file format and its VFS interface define them. A holder is known by its address. Any thread.
// Vanishes with the last connection, and with it the WAL index: the next one recovers it, as after a crash.
class SqliteMemoryLocks {
 public:
  // SQLITE_LOCK_NONE to SQLITE_LOCK_EXCLUSIVE. False: another holder is in the way (SQLITE_BUSY).
  bool Lock(const void* holder, int level);
  void Unlock(const void* holder, int level);
  // Someone holds RESERVED or more.
  bool IsReserved();

  // One range of the eight WAL locks. False: busy.
  bool LockShared(const void* holder, int first, int count);
  bool LockExclusive(const void* holder, int first, int count);
  void UnlockRange(const void* holder, int first, int count);

  // The address of a zeroed region of shared memory, stable for this object's life; null if it does not exist
  // and `extend` is false. All regions have the same size.
  volatile void* Region(int index, size_t bytes, bool extend, bool* is_new);

  // The connection is gone: drops all it held.
  void Forget(const void* holder);

 private:
  static constexpr int kWalLockCount = 8;  // SQLITE_SHM_NLOCK

  struct Held {
    int level = 0;
    bool shared[kWalLockCount] = {};
    bool exclusive[kWalLockCount] = {};
  };

  template <typename Predicate>
  bool AnyOther(const void* holder, Predicate predicate) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const auto& [other, held] : held_) {
      if (other != holder && predicate(held)) return true;
    }
    return false;
  }

  Mutex mu_;
  std::map<const void*, Held> held_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<char[]>> regions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::storage
