#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "storage/memory_disk.h"
#include "storage/sqlite_memory_locks.h"

struct sqlite3_vfs;

namespace holdfast::storage {

// Shows a MemoryDisk to SQLite under a name of its own: SqliteOptions::vfs = name(). Any number of
// connections in this process, from any threads, WAL included. Behaves as SQLite's own Unix VFS does in what
// it syncs, but never maps (mmap_bytes has no effect). The disk must outlive it; it must outlive every
// connection.
class SqliteMemoryVfs {
 public:
  explicit SqliteMemoryVfs(MemoryDisk* disk);
  ~SqliteMemoryVfs();
  SqliteMemoryVfs(const SqliteMemoryVfs&) = delete;
  SqliteMemoryVfs& operator=(const SqliteMemoryVfs&) = delete;

  const std::string& name() const { return name_; }
  MemoryDisk& disk() const { return *disk_; }

  // For the VFS's own functions: the locks that all connections to this file share; how many files are open.
  std::shared_ptr<SqliteMemoryLocks> LocksOf(const std::shared_ptr<MemoryFile>& file);
  void CountOpen(int change);

 private:
  MemoryDisk* const disk_;  // must outlive this
  const std::string name_;
  const std::unique_ptr<sqlite3_vfs> vfs_;

  Mutex mu_;
  std::map<const MemoryFile*, std::weak_ptr<SqliteMemoryLocks>> locks_ ABSL_GUARDED_BY(mu_);
  int open_count_ ABSL_GUARDED_BY(mu_) = 0;
};

// SQLite salts its WAL with random numbers of its own. From this call on they follow from `seed` (not 0), so
// that a simulator's run can be repeated byte for byte. Process-wide: call it where nothing else uses SQLite.
void SeedSqliteRandomness(uint32_t seed);

}  // namespace holdfast::storage
