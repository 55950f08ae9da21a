#include "storage/sqlite_error.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "storage/errors.h"

namespace holdfast::storage {
namespace {

std::string Describe(sqlite3* db, int code, int os_error) {
  std::string text = absl::StrCat("SQLite says ", db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code),
                                  " (", code, ")");
  if (os_error != 0) absl::StrAppend(&text, ", ", strerror(os_error));
  return text;
}

bool IsSyncCode(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

}  // namespace

absl::Status SqliteError(sqlite3* db, int code, absl::string_view path) {
  const int primary = code & 0xff;
  const bool asks_os = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const int os_error = db != nullptr && asks_os ? sqlite3_system_errno(db) : 0;
  const std::string what = Describe(db, code, os_error);
  HF_CHECK(primary != SQLITE_MISUSE && primary != SQLITE_RANGE, what);
  // Before the question for room: a sync that fails for want of room has failed all the same.
  if (IsSyncCode(code)) return FailedSyncError(path, what);
  if (code == SQLITE_IOERR_CORRUPTFS || code == SQLITE_IOERR_DATA) return DamagedDatabaseError(path, what);
  if (code == SQLITE_IOERR_NOMEM) return OutOfMemoryError(path);
  if (os_error == ENOSPC || os_error == EDQUOT) return DiskFullError(path);
  switch (primary) {
    case SQLITE_FULL:
      return DiskFullError(path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DamagedDatabaseError(path, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return DatabaseBusyError(path);
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return OutOfMemoryError(path);
    case SQLITE_CANTOPEN:
      return os_error == ENOENT ? NoSuchFileError(path) : IoError(path, what);
    case SQLITE_IOERR:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return IoError(path, what);
    default:
      return StatementError(path, what);
  }
}

}  // namespace holdfast::storage
