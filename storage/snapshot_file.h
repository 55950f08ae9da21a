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

// A copy of data.db that stands alone: one file, no WAL.
struct SnapshotFile {
  std::string path;
  Position position;
  Position visible;  // what readers of the source saw of it: `position`, unless it has a tail
  Digest128 state_digest;
  int64_t key_count = 0;
  uint64_t file_bytes = 0;
  uint32_t schema_version = 0;
};

// What becomes of the records that are durable and not yet visible (R15): a primary may lend them to a
// follower of its own, nobody else may.
enum class SnapshotTail { kCut, kKept };

// Copies the store's database to `path` (backup API: a read transaction is pinned for the local copy only),
// then undoes in the copy what was not yet visible when the copy began, or notes in it how far it was
// visible, and syncs it. Worker thread; `cancelled` is asked between steps. Errors: DISK_FULL, IO_ERROR.
absl::StatusOr<SnapshotFile> CopySnapshot(Store& store, const std::string& path,
                                          const std::function<bool()>& cancelled,
                                          SnapshotTail tail = SnapshotTail::kCut);

// Opens a snapshot file and recomputes everything: structure, every row hash, the sum against the last
// record's state digest, the chain of the retained log. `visible` is as the file says, which is less than all
// in one that an older release has made. Worker thread. DATA_DAMAGED, SCHEMA_TOO_NEW, IO_ERROR.
absl::StatusOr<SnapshotFile> VerifySnapshotFile(const Store::Options& options, const std::string& path,
                                                const std::function<bool()>& cancelled);

}  // namespace holdfast::storage
