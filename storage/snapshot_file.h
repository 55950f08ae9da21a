#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "base/position.h"
#include "storage/store.h"

namespace holdfast::storage {

// A copy of data.db that stands alone: one file, no WAL, ending at a committed position.
struct SnapshotFile {
  std::string path;
  Position position;
  Digest128 state_digest;
  int64_t key_count = 0;
  uint64_t file_bytes = 0;
  uint32_t schema_version = 0;
};

// Copies the store's database to `path` (backup API: a read transaction is pinned for the local copy only),
// then undoes in the copy what was not yet visible when the copy began (R15), and syncs it. Worker thread;
// `cancelled` is asked between steps. Errors: DISK_FULL, IO_ERROR.
absl::StatusOr<SnapshotFile> CopySnapshot(Store& store, const std::string& path,
                                          const std::function<bool()>& cancelled);

// Opens a snapshot file and recomputes everything: structure, every row hash, the sum against the last
// record's state digest, the chain of the retained log. Worker thread. DATA_DAMAGED, SCHEMA_TOO_NEW,
// IO_ERROR.
absl::StatusOr<SnapshotFile> VerifySnapshotFile(const Store::Options& options, const std::string& path,
                                                const std::function<bool()>& cancelled);

}  // namespace holdfast::storage
