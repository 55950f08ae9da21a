#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"

namespace holdfast::storage {

// Steps on the names of files that a crash may have left in any state; each is safe to repeat. Never on a
// database that is open. Errors as FileSystem. Any thread.

// What SQLite keeps beside a database.
inline constexpr absl::string_view kDatabaseCompanions[] = {"-wal", "-shm"};

// OK if there is no such file.
absl::Status RemoveIfThere(FileSystem& files, absl::string_view path);
absl::Status RenameIfThere(FileSystem& files, absl::string_view from, absl::string_view to);

// Of the database at `path`; they are of no use once it is closed and checkpointed.
absl::Status RemoveCompanions(FileSystem& files, absl::string_view path);

// What is there of them, in order.
absl::Status RenameCompanions(FileSystem& files, absl::string_view from, absl::string_view to);

}  // namespace holdfast::storage
