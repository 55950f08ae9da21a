#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "admin/environment.h"

namespace holdfast::admin {

// What was restored. A plain value.
struct Restored {
  std::string cluster_id;
  std::string incarnation;
  int64_t revision = 0;
  int64_t key_count = 0;
};

// Makes a data directory out of a snapshot archive: unpacks and verifies it (every chunk, row, and the
// chain), then gives it a node.db with a new incarnation, because its log cannot be proven to hold all that
// any node acknowledged. Offline; `progress` hears chunks done and their number. Errors: INVALID_REQUEST if
// the directory is not empty, DATA_DIR_LOCKED, SNAPSHOT_ALTERED, DATA_DAMAGED, SCHEMA_TOO_NEW, IO_ERROR,
// DISK_FULL. A failure leaves the directory as it was, or names the file to remove.
absl::StatusOr<Restored> RestoreSnapshot(const Environment& environment, const std::string& archive,
                                         const std::string& data_dir,
                                         const std::function<void(int64_t done, int64_t total)>& progress);

}  // namespace holdfast::admin
