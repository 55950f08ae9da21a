#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/file_system.h"

namespace holdfast::storage {

// `path`.damaged-1, -2, ...: the first name that neither a file nor a WAL has. IO_ERROR (ALREADY_EXISTS)
// after kMaxSetAside: somebody should look at them. Any thread.
absl::StatusOr<std::string> FreeNameAside(FileSystem& files, absl::string_view path);

// Gives a damaged database, which nobody has open, and what lies beside it such a name, which is returned.
// What is not there is passed over. Safe to retry.
absl::StatusOr<std::string> MoveAside(FileSystem& files, absl::string_view path);

}  // namespace holdfast::storage
