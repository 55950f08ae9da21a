#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "holdfast/v1/salvage.pb.h"
#include "replication/inventory.h"
#include "storage/store.h"

namespace holdfast::primary {

inline constexpr int kMaxSalvageFilesPerRequest = 100;

// The SETTINGS record that makes these salvage files known, one key for each; nullopt if they are known as
// they are. Reads `batch`, and writes nothing. WRONG_CLUSTER, NOT_A_MEMBER, INVALID_REQUEST (field). Strand.
absl::StatusOr<std::optional<storage::RecordDraft>> SalvageDraft(storage::Store::Batch& batch,
                                                                 const replication::Inventory& inventory,
                                                                 const v1::RegisterSalvageRequest& request);

}  // namespace holdfast::primary
