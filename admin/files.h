#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Whole files of this machine. Errors: IO_ERROR with the path. Any thread.
namespace holdfast::admin {

// All bytes of a regular file; a file above `max_bytes` is refused unread.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes = size_t{1} << 30);

// Writes beside `path` and renames, so that nobody sees half a file. Parent directories are made.
absl::Status WriteWholeFile(const std::string& path, absl::string_view bytes);

}  // namespace holdfast::admin
