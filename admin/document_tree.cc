#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/documents.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

namespace fs = std::filesystem;

// Adds one entry of a tree. Folders are walked by the caller.
absl::Status AddEntry(const fs::directory_entry& entry, const fs::path& root, size_t* total,
                      Documents& documents) {
  std::error_code error;
  if (entry.is_directory(error)) return absl::OkStatus();
  if (!entry.is_regular_file(error)) {
    return FileError("read", entry.path().string(),
                     error ? error.message() : "it is neither a file nor a folder");
  }
  HF_ASSIGN_OR_RETURN(std::string bytes, ReadWholeFile(entry.path().string(), kMaxImportBytes));
  *total += bytes.size();
  if (*total > kMaxImportBytes || documents.size() == kMaxImportDocuments) {
    return BadFileError(
        root.string(), 0,
        absl::StrCat("holds more than one import takes (", kMaxImportDocuments, " documents, ",
                     kMaxImportBytes >> 20, " MiB); import its folders one by one"));
  }
  documents[entry.path().lexically_relative(root).generic_string()] = std::move(bytes);
  return absl::OkStatus();
}

// A key that cannot be the path of a file.
absl::Status CheckPaths(const Documents& documents) {
  for (auto it = documents.begin(); it != documents.end(); ++it) {
    const std::string& key = it->first;
    const std::string shown = absl::Utf8SafeCHexEscape(key);
    if (key.empty() || key.front() == '/' || key.back() == '/' || absl::StrContains(key, "//")) {
      return BadFileError(
          shown, 0, "cannot be a path below a folder (it has an empty part); export with --json instead");
    }
    const auto below = documents.lower_bound(key + "/");
    if (below != documents.end() && absl::StartsWith(below->first, key + "/")) {
      return BadFileError(shown, 0,
                          absl::StrCat("cannot be a file, because ", absl::Utf8SafeCHexEscape(below->first),
                                       " needs a folder of that name; export with --json instead"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Documents> ReadTree(const std::string& path) {
  std::error_code error;
  Documents documents;
  if (fs::is_regular_file(path, error)) {
    HF_ASSIGN_OR_RETURN(documents[fs::path(path).filename().string()], ReadWholeFile(path, kMaxImportBytes));
    return documents;
  }
  size_t total = 0;
  fs::recursive_directory_iterator entries(path, error);
  if (error) return FileError("read", path, error.message());
  for (const fs::recursive_directory_iterator end; entries != end; entries.increment(error)) {
    if (error) return FileError("read", path, error.message());
    HF_RETURN_IF_ERROR(AddEntry(*entries, path, &total, documents));
  }
  if (error) return FileError("read", path, error.message());
  return documents;
}

absl::Status WriteTree(const std::string& directory, const Documents& documents) {
  std::error_code error;
  if (fs::exists(directory, error) && !fs::is_empty(directory, error)) {
    return BadFileError(directory, 0,
                        "is not empty; name a new folder, so that no file of another export stays in it");
  }
  HF_RETURN_IF_ERROR(CheckPaths(documents));
  fs::create_directories(directory, error);
  if (error) return FileError("write", directory, error.message());
  for (const auto& [key, bytes] : documents) {
    HF_RETURN_IF_ERROR(WriteWholeFile((fs::path(directory) / key).string(), bytes));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::admin
