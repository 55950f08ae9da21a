#include "storage/sqlite_open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>

#include "base/check.h"

namespace holdfast::storage {
namespace {

bool ReplaceOpen() {
  sqlite3_vfs* const unix_vfs = sqlite3_vfs_find("unix");
  HF_CHECK(unix_vfs != nullptr && unix_vfs->iVersion >= 3, "SQLite has lost its own VFS");
  const auto call = reinterpret_cast<sqlite3_syscall_ptr>(OpenFileWithoutAccessTime);
  HF_CHECK(unix_vfs->xSetSystemCall(unix_vfs, "open", call) == SQLITE_OK, "SQLite keeps its open()");
  return true;
}

}  // namespace

void OpenFilesWithoutAccessTime() {
  static const bool done = ReplaceOpen();
  (void)done;
}

int OpenFileWithoutAccessTime(const char* path, int flags, int mode) {
  // Not for a file that must be new: were it made and then refused, a second try would find it there.
  if ((flags & O_EXCL) != 0) return open(path, flags, mode);
  const int file = open(path, flags | O_NOATIME, mode);
  if (file >= 0 || errno != EPERM) return file;
  return open(path, flags, mode);
}

}  // namespace holdfast::storage
