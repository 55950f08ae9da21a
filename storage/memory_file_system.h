#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/file_system.h"
#include "storage/memory_disk.h"
#include "storage/sqlite_memory_vfs.h"

namespace holdfast::storage {

// A MemoryDisk as a FileSystem, with the SQLite VFS that shows the same files. Keeps every promise of
// FileSystem about what is durable. A crash of the disk releases every lock and ends every stream. Any
// thread. The disk must outlive it; it must outlive every database, stream and lock.
class MemoryFileSystem : public FileSystem {
 public:
  explicit MemoryFileSystem(MemoryDisk* disk) : disk_(disk), vfs_(disk) {}

  absl::StatusOr<std::string> ReadFile(absl::string_view path, int64_t max_bytes) override;
  absl::StatusOr<std::string> ReadAt(absl::string_view path, int64_t offset, size_t max_bytes) override;
  absl::Status WriteNewFile(absl::string_view path, absl::string_view bytes) override;
  absl::StatusOr<std::unique_ptr<AppendStream>> CreateAppendStream(absl::string_view path) override;
  absl::StatusOr<std::unique_ptr<AppendStream>> ResumeAppendStream(absl::string_view path,
                                                                   int64_t keep_bytes) override;
  absl::Status Rename(absl::string_view from, absl::string_view to) override;
  absl::Status Remove(absl::string_view path) override;
  absl::StatusOr<bool> Exists(absl::string_view path) override;
  absl::StatusOr<std::vector<std::string>> List(absl::string_view directory) override;
  absl::StatusOr<int64_t> Size(absl::string_view path) override;
  absl::Status MakeDirectories(absl::string_view path) override;
  absl::Status SyncDirectory(absl::string_view directory) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(absl::string_view path) override;
  absl::StatusOr<int64_t> FreeBytes(absl::string_view path) override;
  std::string sqlite_vfs() const override { return vfs_.name(); }

 private:
  absl::StatusOr<std::shared_ptr<MemoryFile>> Open(absl::string_view path, MemoryDisk::OpenMode mode);

  MemoryDisk* const disk_;  // must outlive this
  const SqliteMemoryVfs vfs_;

  Mutex mu_;
  // The locked file lives as long as its lock; it is stale after a crash, and so is the lock.
  std::map<std::string, std::weak_ptr<MemoryFile>, std::less<>> locked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::storage
