#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::storage {

// A new file that is written from front to back (salvage, snapshot chunks). One thread at a time. Destroyed
// without Close, it closes and what was not synced may be lost.
class AppendStream {
 public:
  virtual ~AppendStream() = default;

  // DISK_FULL: a part may have been written; the stream is then of no more use. IO_ERROR likewise.
  virtual absl::Status Append(absl::string_view bytes) = 0;

  // Everything appended so far, and the file's name, are durable. A failure is IsFailedSync: never retry.
  virtual absl::Status Sync() = 0;

  // Syncs, then closes. No call may follow.
  virtual absl::Status Close() = 0;

  // Bytes appended so far.
  virtual int64_t size() const = 0;
};

// Held for as long as it lives.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

// The seam for everything on disk that is not a SQLite database: lock file, salvage, snapshot copies, and the
// names of databases that are set aside or swapped in. Any thread. Whatever changes a name or a whole file is
// durable when it returns OK. Errors: IO_ERROR (code NOT_FOUND where a file is missing), DISK_FULL, and
// IsFailedSync after which the owner must end the process.
//
// Never use it on the bytes of a database that is open: closing a second descriptor would drop every POSIX
// lock that SQLite holds in this process.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  // The whole file. RESOURCE_EXHAUSTED if it has more than `max_bytes`.
  virtual absl::StatusOr<std::string> ReadFile(absl::string_view path, int64_t max_bytes) = 0;

  // Up to `max_bytes` from `offset`; shorter only at the file's end.
  virtual absl::StatusOr<std::string> ReadAt(absl::string_view path, int64_t offset, size_t max_bytes) = 0;

  // A new file with these bytes, synced. IO_ERROR with code ALREADY_EXISTS if there is one. After another
  // failure a part may be left under `path`. To replace a file: write beside it, then Rename.
  virtual absl::Status WriteNewFile(absl::string_view path, absl::string_view bytes) = 0;

  // Begins a new file; ALREADY_EXISTS as above.
  virtual absl::StatusOr<std::unique_ptr<AppendStream>> CreateAppendStream(absl::string_view path) = 0;

  // Goes on with a file, after its first `keep_bytes`; what follows them is cut. Not durable before the next
  // Sync. IO_ERROR if it has fewer.
  virtual absl::StatusOr<std::unique_ptr<AppendStream>> ResumeAppendStream(absl::string_view path,
                                                                           int64_t keep_bytes) = 0;

  // Of files only. Atomic; replaces `to`. Source and target directory are synced. Never let a database take
  // the name of another one: the other's WAL would be replayed into it.
  virtual absl::Status Rename(absl::string_view from, absl::string_view to) = 0;

  // Removes a file or an empty directory.
  virtual absl::Status Remove(absl::string_view path) = 0;

  virtual absl::StatusOr<bool> Exists(absl::string_view path) = 0;

  // Names (not paths) of files and directories in `directory`, sorted.
  virtual absl::StatusOr<std::vector<std::string>> List(absl::string_view directory) = 0;

  virtual absl::StatusOr<int64_t> Size(absl::string_view path) = 0;

  // Creates `path` and what lacks above it, mode 0700. OK if it is there already.
  virtual absl::Status MakeDirectories(absl::string_view path) = 0;

  // Makes names in `directory` durable that something else has made there (SQLite, for a backup).
  virtual absl::Status SyncDirectory(absl::string_view directory) = 0;

  // An exclusive lock, tied to a file that is created if need be and names the holder's process.
  // DATA_DIR_LOCKED if another process, or this one, holds it. The file stays.
  virtual absl::StatusOr<std::unique_ptr<FileLock>> Lock(absl::string_view path) = 0;

  // Bytes that an ordinary user may still write on the file system that holds `path`, which must exist.
  virtual absl::StatusOr<int64_t> FreeBytes(absl::string_view path) = 0;

  // The SQLite VFS that shows the same files: SqliteOptions::vfs.
  virtual std::string sqlite_vfs() const = 0;
};

// "/a/b/c" -> "/a/b", "/a" -> "/", "a" -> ".". Paths have no trailing slash.
std::string ParentDirectory(absl::string_view path);

// The operating system's files. Lives as long as the process.
FileSystem* PosixFileSystem();

}  // namespace holdfast::storage
