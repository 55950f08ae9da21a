#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "storage/reader_pool.h"

namespace holdfast::storage {

// The revision of the newest change of `key`, deletions included, at or below `at` (the bounds and errors of
// ReadLease::Get); zero if none is kept. What history walks back by. `lease` comes from a store's pool.
absl::StatusOr<Revision> NewestChange(ReadLease& lease, absl::string_view key, Revision at);

}  // namespace holdfast::storage
