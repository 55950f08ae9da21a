#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace holdfast::primary {

// Whose rehearsal a copy is for. A plain value.
struct DrillCopyOwner {
  std::string cluster_id;  // of the rehearsal alone
  std::string node_id;
  std::string drill_id;
  std::string operator_name;
  std::string host;
};

// Makes the copied data.db in `options.data_dir`, beside which there is no node.db yet, a cluster of its own
// before any network is near it: another cluster id, this node its only member and the primary of the next
// epoch, every commit *local*. Nothing of the copy names an address of the real cluster any more, and nobody
// of it would hear it (WRONG_CLUSTER). Returns the epoch. Errors as Store::Open and Batch::Append. Any thread
// that may wait.
absl::StatusOr<uint64_t> MakeClusterOfItsOwn(const storage::Store::Options& options,
                                             const DrillCopyOwner& owner);

}  // namespace holdfast::primary
