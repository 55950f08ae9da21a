#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "storage/sqlite_database.h"

// The tables of data.db and node.db, and how a file says which release wrote it (docs/formats/database.md).
namespace holdfast::storage {

inline constexpr int64_t kDataSchemaVersion = 1;
inline constexpr int64_t kNodeSchemaVersion = 1;
inline constexpr int64_t kDataApplicationId = 0x48464442;  // "HFDB"
inline constexpr int64_t kNodeApplicationId = 0x48464e44;  // "HFND"

inline constexpr absl::string_view kDataFileName = "data.db";
inline constexpr absl::string_view kNodeFileName = "node.db";

// Makes the tables in a new file, or checks the version of an old one: SCHEMA_TOO_NEW, DATA_DAMAGED if it is
// another application's. One transaction, so that a crash leaves a file without tables or with all of them.
absl::Status PrepareDataSchema(SqliteDatabase& writer);
absl::Status PrepareNodeSchema(SqliteDatabase& writer);

// For a file that is only read: what PrepareDataSchema checks. DATA_DAMAGED if it has no tables yet.
absl::Status CheckDataSchema(SqliteDatabase& reader);

}  // namespace holdfast::storage
