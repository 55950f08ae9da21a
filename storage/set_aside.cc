#include "storage/set_aside.h"

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/database_files.h"
#include "storage/errors.h"

namespace holdfast::storage {

absl::StatusOr<std::string> FreeNameAside(FileSystem& files, absl::string_view path) {
  for (int number = 1; number <= kMaxSetAside; ++number) {
    const std::string aside = absl::StrCat(path, ".damaged-", number);
    HF_ASSIGN_OR_RETURN(const bool is_taken, files.Exists(aside));
    HF_ASSIGN_OR_RETURN(const bool has_wal, files.Exists(absl::StrCat(aside, kDatabaseCompanions[0])));
    if (!is_taken && !has_wal) return aside;
  }
  return FileExistsError(absl::StrCat(path, ".damaged-", kMaxSetAside));
}

absl::StatusOr<std::string> MoveAside(FileSystem& files, absl::string_view path) {
  const std::string from(path);
  HF_ASSIGN_OR_RETURN(const std::string aside, FreeNameAside(files, from));
  // The file before its WAL: a WAL alone is refused at the next start, a file without its WAL would be
  // trusted.
  HF_RETURN_IF_ERROR(RenameIfThere(files, from, aside));
  HF_RETURN_IF_ERROR(RenameCompanions(files, from, aside));
  return aside;
}

}  // namespace holdfast::storage
