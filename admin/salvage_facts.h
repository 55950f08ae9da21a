#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/salvage_sort.h"
#include "client/client.h"

namespace holdfast::admin {

// Reads what sorting needs, for every key that a COMMIT of `records` changes: the row now, all keys at one
// revision; the row at `ancestor`; who has changed it since. A key that is as it was at the ancestor costs
// one call, others three; several keys are asked at a time. That the ancestor is compacted, or left behind,
// is no error but a fact. Errors: as Client::List and Client::History.
absl::StatusOr<SalvageFacts> GatherSalvageFacts(client::Client& client,
                                                const std::vector<LostRecord>& records, int64_t ancestor);

}  // namespace holdfast::admin
