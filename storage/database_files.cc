#include "storage/database_files.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace holdfast::storage {

absl::Status RemoveIfThere(FileSystem& files, absl::string_view path) {
  HF_ASSIGN_OR_RETURN(const bool exists, files.Exists(path));
  return exists ? files.Remove(path) : absl::OkStatus();
}

absl::Status RenameIfThere(FileSystem& files, absl::string_view from, absl::string_view to) {
  HF_ASSIGN_OR_RETURN(const bool exists, files.Exists(from));
  return exists ? files.Rename(from, to) : absl::OkStatus();
}

absl::Status RemoveCompanions(FileSystem& files, absl::string_view path) {
  for (const absl::string_view companion : kDatabaseCompanions) {
    HF_RETURN_IF_ERROR(RemoveIfThere(files, absl::StrCat(path, companion)));
  }
  return absl::OkStatus();
}

absl::Status RenameCompanions(FileSystem& files, absl::string_view from, absl::string_view to) {
  for (const absl::string_view companion : kDatabaseCompanions) {
    HF_RETURN_IF_ERROR(RenameIfThere(files, absl::StrCat(from, companion), absl::StrCat(to, companion)));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::storage
