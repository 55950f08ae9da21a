#pragma once

#include "absl/status/statusor.h"
#include "base/position.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// The last record that the histories in both files share, by their epochs and chain hashes; zero if they
// share none. Where one has compacted the records that would tell, the epoch says it: an epoch has one
// writer, which never writes an index twice (I2, R8). Each connection on its own thread, neither in a write
// transaction.
absl::StatusOr<Position> FindCommonAncestor(SqliteDatabase& own, SqliteDatabase& other);

}  // namespace holdfast::storage
