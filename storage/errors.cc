#include "storage/errors.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kFailedSync = "failed_sync";

absl::Status AtPath(absl::StatusCode code, absl::string_view reason, absl::string_view path,
                    absl::string_view message) {
  return WithDetail(MakeError(code, reason, absl::StrCat(path, ": ", message)), "path", path);
}

}  // namespace

absl::Status DiskFullError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "DISK_FULL", path,
                "the disk is full; nothing was changed. Make room, then try again");
}

absl::Status DamagedDatabaseError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kDataLoss, "DATA_DAMAGED", path,
                absl::StrCat("the file is damaged: ", what));
}

absl::Status DatabaseBusyError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                "the database stayed busy for longer than the busy timeout");
}

absl::Status OutOfMemoryError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                "out of memory, or a value above SQLite's limit");
}

absl::Status NewerSchemaError(absl::string_view path, int64_t found, int64_t known) {
  const absl::Status status = AtPath(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW", path,
                                     absl::StrCat("written with schema ", found, ", this release knows ",
                                                  known, "; start the newer release"));
  return WithDetail(WithDetail(status, "found", absl::StrCat(found)), "known", absl::StrCat(known));
}

absl::Status LockedByAnotherProcessError(absl::string_view path, int64_t pid) {
  const std::string who = pid > 0 ? absl::StrCat("process ", pid) : "another process";
  return WithDetail(AtPath(absl::StatusCode::kFailedPrecondition, "DATA_DIR_LOCKED", path,
                           absl::StrCat("locked by ", who, "; stop it or choose another directory")),
                    "pid", absl::StrCat(pid));
}

absl::Status IoError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kInternal, "IO_ERROR", path, what);
}

absl::Status FailedSyncError(absl::string_view path, absl::string_view what) {
  return WithDetail(
      AtPath(absl::StatusCode::kInternal, "IO_ERROR", path, absl::StrCat("a sync failed: ", what)),
      kFailedSync, "true");
}

absl::Status NoSuchFileError(absl::string_view path) {
  return AtPath(absl::StatusCode::kNotFound, "IO_ERROR", path, "no such file or directory");
}

absl::Status FileExistsError(absl::string_view path) {
  return AtPath(absl::StatusCode::kAlreadyExists, "IO_ERROR", path, "there is a file of this name already");
}

absl::Status FileTooLargeError(absl::string_view path, int64_t size, int64_t limit) {
  return WithDetail(AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                           absl::StrCat("has ", size, " bytes, at most ", limit, " are read")),
                    "limit", absl::StrCat(limit));
}

absl::Status StatementError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kInternal, "INTERNAL", path, what);
}

bool IsDiskFull(const absl::Status& status) { return ReasonOf(status) == "DISK_FULL"; }
bool IsDamaged(const absl::Status& status) { return ReasonOf(status) == "DATA_DAMAGED"; }
bool IsFailedSync(const absl::Status& status) { return !DetailOf(status, kFailedSync).empty(); }

}  // namespace holdfast::storage
