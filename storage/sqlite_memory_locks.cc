#include "storage/sqlite_memory_locks.h"

#include <sqlite3.h>

namespace holdfast::storage {

bool SqliteMemoryLocks::Lock(const void* holder, int level) {
  MutexLock lock(&mu_);
  Held& mine = held_[holder];
  if (level <= mine.level) return true;
  const auto at_least = [](int bound) { return [bound](const Held& held) { return held.level >= bound; }; };
  if (level == SQLITE_LOCK_SHARED) {
    if (AnyOther(holder, at_least(SQLITE_LOCK_PENDING))) return false;
  } else if (AnyOther(holder, at_least(SQLITE_LOCK_RESERVED))) {
    return false;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE && AnyOther(holder, at_least(SQLITE_LOCK_SHARED))) {
    mine.level = SQLITE_LOCK_PENDING;  // keeps new readers out while the old ones leave
    return false;
  }
  mine.level = level;
  return true;
}

void SqliteMemoryLocks::Unlock(const void* holder, int level) {
  MutexLock lock(&mu_);
  Held& mine = held_[holder];
  if (level < mine.level) mine.level = level;
}

bool SqliteMemoryLocks::IsReserved() {
  MutexLock lock(&mu_);
  return AnyOther(nullptr, [](const Held& held) { return held.level >= SQLITE_LOCK_RESERVED; });
}

bool SqliteMemoryLocks::LockShared(const void* holder, int first, int count) {
  MutexLock lock(&mu_);
  for (int i = first; i < first + count; ++i) {
    if (AnyOther(holder, [i](const Held& held) { return held.exclusive[i]; })) return false;
  }
  for (int i = first; i < first + count; ++i) held_[holder].shared[i] = true;
  return true;
}

bool SqliteMemoryLocks::LockExclusive(const void* holder, int first, int count) {
  MutexLock lock(&mu_);
  for (int i = first; i < first + count; ++i) {
    if (AnyOther(holder, [i](const Held& held) { return held.exclusive[i] || held.shared[i]; })) return false;
  }
  for (int i = first; i < first + count; ++i) held_[holder].exclusive[i] = true;
  return true;
}

void SqliteMemoryLocks::UnlockRange(const void* holder, int first, int count) {
  MutexLock lock(&mu_);
  for (int i = first; i < first + count; ++i) held_[holder].shared[i] = held_[holder].exclusive[i] = false;
}

volatile void* SqliteMemoryLocks::Region(int index, size_t bytes, bool extend, bool* is_new) {
  MutexLock lock(&mu_);
  *is_new = static_cast<size_t>(index) >= regions_.size();
  if (*is_new && !extend) return nullptr;
  while (regions_.size() <= static_cast<size_t>(index)) regions_.push_back(std::make_unique<char[]>(bytes));
  return regions_[index].get();
}

void SqliteMemoryLocks::Forget(const void* holder) {
  MutexLock lock(&mu_);
  held_.erase(holder);
}

}  // namespace holdfast::storage
