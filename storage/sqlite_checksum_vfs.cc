#include "storage/sqlite_checksum_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "storage/sqlite_checksum_file.h"

namespace holdfast::storage {
namespace {

// One registered stack. Never freed while registered; `base` may be replaced by one of the same name.
struct ChecksumVfs {
  sqlite3_vfs vfs{};
  std::string name;
  std::atomic<sqlite3_vfs*> base{nullptr};
};

sqlite3_vfs* Base(sqlite3_vfs* vfs) { return static_cast<ChecksumVfs*>(vfs->pAppData)->base.load(); }

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  sqlite3_vfs* const base = Base(vfs);
  // WAL, journal and temporary files are the base's own, without a detour.
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, path, file, flags, out_flags);
  return OpenChecksumFile(base, vfs, path, file, flags, out_flags);
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync) { return Base(vfs)->xDelete(Base(vfs), path, sync); }
int Access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  return Base(vfs)->xAccess(Base(vfs), path, flags, result);
}
int FullPathname(sqlite3_vfs* vfs, const char* path, int size, char* out) {
  return Base(vfs)->xFullPathname(Base(vfs), path, size, out);
}
int Randomness(sqlite3_vfs* vfs, int size, char* out) { return Base(vfs)->xRandomness(Base(vfs), size, out); }
int Sleep(sqlite3_vfs* vfs, int microseconds) { return Base(vfs)->xSleep(Base(vfs), microseconds); }
int CurrentTime(sqlite3_vfs* vfs, double* out) { return Base(vfs)->xCurrentTime(Base(vfs), out); }
int GetLastError(sqlite3_vfs* vfs, int size, char* out) {
  return Base(vfs)->xGetLastError != nullptr ? Base(vfs)->xGetLastError(Base(vfs), size, out) : 0;
}
int CurrentTimeInt64(sqlite3_vfs* vfs, sqlite3_int64* out) {
  sqlite3_vfs* const base = Base(vfs);
  if (base->iVersion >= 2 && base->xCurrentTimeInt64 != nullptr) return base->xCurrentTimeInt64(base, out);
  double days = 0;
  const int code = base->xCurrentTime(base, &days);
  *out = static_cast<sqlite3_int64>(days * 86400000.0);
  return code;
}

std::unique_ptr<ChecksumVfs> MakeVfs(sqlite3_vfs* base, absl::string_view base_name) {
  auto made = std::make_unique<ChecksumVfs>();
  made->name = absl::StrCat(base_name.empty() ? "os" : base_name, "+checksums");
  made->base = base;
  sqlite3_vfs& vfs = made->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = ChecksumFileBytes(base);
  vfs.mxPathname = base->mxPathname;
  vfs.zName = made->name.c_str();
  vfs.pAppData = made.get();
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  vfs.xAccess = Access;
  vfs.xFullPathname = FullPathname;
  vfs.xRandomness = Randomness;
  vfs.xSleep = Sleep;
  vfs.xCurrentTime = CurrentTime;
  vfs.xGetLastError = GetLastError;
  vfs.xCurrentTimeInt64 = CurrentTimeInt64;
  return made;
}

struct Registry {
  Mutex mu;
  std::map<std::string, std::unique_ptr<ChecksumVfs>, std::less<>> by_base ABSL_GUARDED_BY(mu);
};

Registry& TheRegistry() {
  static Registry* const registry = new Registry;
  return *registry;
}

}  // namespace

std::string RegisterChecksumVfs(absl::string_view base_vfs) {
  const std::string base_name(base_vfs);
  sqlite3_vfs* const base = sqlite3_vfs_find(base_name.empty() ? nullptr : base_name.c_str());
  if (base == nullptr) return base_name;
  MutexLock lock(&TheRegistry().mu);
  std::unique_ptr<ChecksumVfs>& entry = TheRegistry().by_base[base_name];
  if (entry == nullptr) {
    entry = MakeVfs(base, base_vfs);
    sqlite3_vfs_register(&entry->vfs, /*makeDflt=*/0);
  }
  entry->base = base;
  return entry->name;
}

void UnregisterChecksumVfs(absl::string_view base_vfs) {
  MutexLock lock(&TheRegistry().mu);
  const auto it = TheRegistry().by_base.find(base_vfs);
  if (it == TheRegistry().by_base.end()) return;
  sqlite3_vfs_unregister(&it->second->vfs);
  TheRegistry().by_base.erase(it);
}

void ForgetVerifiedPages(sqlite3* db) { sqlite3_file_control(db, "main", kForgetVerifiedControl, nullptr); }

}  // namespace holdfast::storage
