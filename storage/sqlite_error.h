#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct sqlite3;

namespace holdfast::storage {

// The one place where SQLite's codes become errors of storage/errors.h. `db` (may be null) supplies the
// message and the operating system's error. Requires that `code` is a failure. SQLITE_MISUSE and SQLITE_RANGE
// are our own mistakes and crash.
absl::Status SqliteError(sqlite3* db, int code, absl::string_view path);

}  // namespace holdfast::storage
