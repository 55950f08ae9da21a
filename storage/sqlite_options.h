#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace holdfast::storage {

// How a connection is opened. A plain value.
struct SqliteOptions {
  // The name of a registered VFS (storage/sqlite_memory_vfs.h); empty: the operating system's.
  std::string vfs = "";
  // Each page carries a checksum (storage/sqlite_checksum_vfs.h). Fixed when the file is created: a file of
  // the other kind is DATA_DAMAGED.
  bool page_checksums = true;
  // How long a statement waits for another connection before DatabaseBusyError.
  absl::Duration busy_timeout = absl::Seconds(5);
  // Bytes of the file to map; 0: none. Worth it for readers (DESIGN 7 has the price). Ignored by a VFS
  // without mapping.
  int64_t mmap_bytes = 0;
  int64_t cache_bytes = int64_t{8} << 20;
  // Used when the file is created.
  int page_bytes = 4096;
  // False: a commit is not synced; only for files whose loss costs nothing (a snapshot being unpacked).
  bool durable = true;
  // Some commits are written but not synced (SqliteDatabase::SetSynced): a power cut may tear frames in the
  // middle of the WAL, so that a frame that matches behind one that does not is no sign of damage.
  bool has_unsynced_commits = false;
  // False: OpenWriter fails with NoSuchFileError if there is no file.
  bool create_if_missing = true;
};

}  // namespace holdfast::storage
