#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/digest.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// One version of a key as `current` or `undo` holds it. Views are those of the query that it was read from.
struct VersionRow {
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;  // 0: a tombstone
  int64_t undo_id = 0;  // the version before this one; 0: none is kept
  absl::string_view key;
  absl::string_view value;
  Digest128 row_hash;  // what the state digest sums; of a tombstone too, which it does not sum

  bool is_live() const { return version != 0; }
};

// What a SELECT must name, in this order, before any further columns. The key comes last of all, because
// SQLite would take it from the index while that is the only cursor in place; read after the others it is the
// table's, and an index that leads to the wrong row is found.
#define HF_VERSION_COLUMNS(link) "create_revision, mod_revision, version, " link ", guard, value, key"
inline constexpr int kVersionColumnCount = 7;

// Reads the current row of `query`, which names the columns above, and checks its guard.
// `superseded_revision` is 0 for `current`. DATA_DAMAGED with the key.
absl::Status ReadVersionRow(const SqliteQuery& query, int64_t superseded_revision, absl::string_view path,
                            VersionRow* row);

}  // namespace holdfast::storage
