#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/client.h"

namespace holdfast::admin {

// Keys (relative to a prefix) and their bytes, in key order: what import, export, diff and rollback work on.
using Documents = std::map<std::string, std::string>;

inline constexpr size_t kMaxImportBytes = size_t{1} << 30;
inline constexpr size_t kMaxImportDocuments = 1'000'000;

// "cc" and "cc/" are "cc/"; empty stays empty.
std::string FolderPrefix(absl::string_view prefix);

// Every regular file below `directory` (links to files are followed, links to directories are not), by its
// path from there; a single file, by its name. IO_ERROR names what cannot be read; INVALID_REQUEST for
// sockets and the like, or too much.
absl::StatusOr<Documents> ReadTree(const std::string& path);

// One document {"key": "text" or {"base64": "..."}}.
absl::StatusOr<Documents> ReadJsonDocuments(const std::string& path);
std::string WriteJsonDocuments(const Documents& documents);

// A file for each document. INVALID_REQUEST, before anything is written, if a key cannot be a path (an empty
// segment) or is both a file and a folder, or if `directory` is not empty; IO_ERROR.
absl::Status WriteTree(const std::string& directory, const Documents& documents);

// The keys with `prefix`, without it, at `at_revision` (0: now). `*revision` gets the revision that was read.
// Without a prefix the cluster's own keys are left out.
absl::StatusOr<Documents> ReadPrefix(client::Client& client, const std::string& prefix, int64_t at_revision,
                                     int64_t* revision);

// What is wrong with keys and sizes when `documents` are put below `prefix`: one line for each, at most
// `max`.
std::vector<std::string> FindFaults(const Documents& documents, const std::string& prefix, size_t max);

}  // namespace holdfast::admin
