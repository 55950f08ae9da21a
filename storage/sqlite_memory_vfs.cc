#include "storage/sqlite_memory_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "storage/file_system.h"
#include "storage/sqlite_checksum_vfs.h"

namespace holdfast::storage {
namespace {

// What SQLite calls an open file. SQLite allocates it; methods must come first.
struct OpenFile {
  sqlite3_file base;
  SqliteMemoryVfs* vfs;
  std::shared_ptr<MemoryFile> file;
  std::shared_ptr<SqliteMemoryLocks> locks;
  bool syncs_directory;  // the first sync of a new journal or WAL makes its name durable, as in SQLite's own
                         // VFS
};

thread_local int last_errno = 0;

OpenFile* Of(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file); }
SqliteMemoryVfs* Of(sqlite3_vfs* vfs) { return static_cast<SqliteMemoryVfs*>(vfs->pAppData); }

int ToErrno(DiskResult result) {
  switch (result) {
    case DiskResult::kOk:
      return 0;
    case DiskResult::kNotFound:
      return ENOENT;
    case DiskResult::kExists:
      return EEXIST;
    case DiskResult::kNoSpace:
      return ENOSPC;
    case DiskResult::kIoError:
      return EIO;
  }
  return EIO;
}

// `failure` is the code for this operation's failures.
int ToCode(DiskResult result, int failure) {
  last_errno = ToErrno(result);
  return result == DiskResult::kOk ? SQLITE_OK : failure;
}

int Close(sqlite3_file* base) {
  OpenFile* const open = Of(base);
  open->vfs->disk().Close(*open->file);
  if (open->locks != nullptr) open->locks->Forget(open);
  SqliteMemoryVfs* const vfs = open->vfs;
  open->~OpenFile();
  vfs->CountOpen(-1);
  return SQLITE_OK;
}

int Read(sqlite3_file* base, void* out, int size, sqlite3_int64 offset) {
  OpenFile* const open = Of(base);
  size_t got = 0;
  const DiskResult result =
      open->vfs->disk().Read(*open->file, offset, static_cast<size_t>(size), static_cast<char*>(out), &got);
  if (result != DiskResult::kOk) return ToCode(result, SQLITE_IOERR_READ);
  if (got == static_cast<size_t>(size)) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + got, 0, static_cast<size_t>(size) - got);
  return SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* base, const void* bytes, int size, sqlite3_int64 offset) {
  OpenFile* const open = Of(base);
  const DiskResult result = open->vfs->disk().Write(
      *open->file, offset, absl::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size)));
  return ToCode(result, result == DiskResult::kNoSpace ? SQLITE_FULL : SQLITE_IOERR_WRITE);
}

int Truncate(sqlite3_file* base, sqlite3_int64 size) {
  return ToCode(Of(base)->vfs->disk().Truncate(*Of(base)->file, size), SQLITE_IOERR_TRUNCATE);
}

int Sync(sqlite3_file* base, int) {
  OpenFile* const open = Of(base);
  const DiskResult synced = open->vfs->disk().Sync(*open->file);
  if (synced != DiskResult::kOk) return ToCode(synced, SQLITE_IOERR_FSYNC);
  if (!std::exchange(open->syncs_directory, false)) return SQLITE_OK;
  return ToCode(open->vfs->disk().SyncDirectory(ParentDirectory(open->file->path())), SQLITE_IOERR_DIR_FSYNC);
}

int FileSize(sqlite3_file* base, sqlite3_int64* size) {
  int64_t bytes = 0;
  const DiskResult result = Of(base)->vfs->disk().Size(*Of(base)->file, &bytes);
  *size = bytes;
  return ToCode(result, SQLITE_IOERR_FSTAT);
}

int Lock(sqlite3_file* base, int level) {
  return Of(base)->locks->Lock(base, level) ? SQLITE_OK : SQLITE_BUSY;
}

int Unlock(sqlite3_file* base, int level) {
  Of(base)->locks->Unlock(base, level);
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* base, int* is_reserved) {
  *is_reserved = Of(base)->locks->IsReserved();
  return SQLITE_OK;
}

int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int SectorSize(sqlite3_file*) { return 4096; }
// As SQLite's Unix VFS says: a torn write harms no byte outside its range.
int DeviceCharacteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int ShmMap(sqlite3_file* base, int index, int bytes, int extend, void volatile** region) {
  bool is_new = false;
  *region = Of(base)->locks->Region(index, static_cast<size_t>(bytes), extend != 0, &is_new);
  return SQLITE_OK;
}

int ShmLock(sqlite3_file* base, int first, int count, int flags) {
  SqliteMemoryLocks& locks = *Of(base)->locks;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    locks.UnlockRange(base, first, count);
    return SQLITE_OK;
  }
  const bool is_held = (flags & SQLITE_SHM_SHARED) != 0 ? locks.LockShared(base, first, count)
                                                        : locks.LockExclusive(base, first, count);
  return is_held ? SQLITE_OK : SQLITE_BUSY;
}

void ShmBarrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }

int ShmUnmap(sqlite3_file* base, int) {
  Of(base)->locks->UnlockRange(base, 0, SQLITE_SHM_NLOCK);
  return SQLITE_OK;
}

constexpr sqlite3_io_methods kMethods = {
    /*iVersion=*/2,
    Close,
    Read,
    Write,
    Truncate,
    Sync,
    FileSize,
    Lock,
    Unlock,
    CheckReservedLock,
    FileControl,
    SectorSize,
    DeviceCharacteristics,
    ShmMap,
    ShmLock,
    ShmBarrier,
    ShmUnmap,
    nullptr,
    nullptr};

int Open(sqlite3_vfs* base, const char* path, sqlite3_file* out, int flags, int* out_flags) {
  SqliteMemoryVfs* const vfs = Of(base);
  out->pMethods = nullptr;
  // Nothing of ours spills into temporary files (temp_store = MEMORY).
  if (path == nullptr) return SQLITE_CANTOPEN;
  std::shared_ptr<MemoryFile> file;
  bool is_created = false;
  const DiskResult result = vfs->disk().Open(
      path, {(flags & SQLITE_OPEN_CREATE) != 0, (flags & SQLITE_OPEN_EXCLUSIVE) != 0}, &file, &is_created);
  if (result != DiskResult::kOk) return ToCode(result, SQLITE_CANTOPEN);
  OpenFile* const open = new (out) OpenFile{};
  open->vfs = vfs;
  if ((flags & SQLITE_OPEN_MAIN_DB) != 0) open->locks = vfs->LocksOf(file);
  open->file = std::move(file);
  constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  open->syncs_directory = is_created && (flags & kJournals) != 0;
  open->base.pMethods = &kMethods;
  vfs->CountOpen(+1);
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* base, const char* path, int sync_directory) {
  MemoryDisk& disk = Of(base)->disk();
  const DiskResult removed = disk.Remove(path);
  if (removed == DiskResult::kNotFound) return ToCode(removed, SQLITE_IOERR_DELETE_NOENT);
  if (removed != DiskResult::kOk) return ToCode(removed, SQLITE_IOERR_DELETE);
  if (sync_directory == 0) return SQLITE_OK;
  return ToCode(disk.SyncDirectory(ParentDirectory(path)), SQLITE_IOERR_DIR_FSYNC);
}

int Access(sqlite3_vfs* base, const char* path, int flags, int* answer) {
  // SQLite's Unix VFS takes an empty file for none.
  int64_t size = 0;
  const bool is_there = Of(base)->disk().SizeOf(path, &size) == DiskResult::kOk;
  *answer = is_there && (flags != SQLITE_ACCESS_EXISTS || size > 0);
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* path, int size, char* out) {
  const size_t length = std::strlen(path);
  if (length >= static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, path, length + 1);
  return SQLITE_OK;
}

int Randomness(sqlite3_vfs*, int size, char* out) {
  std::memset(out, 0x5a,
              static_cast<size_t>(size));  // SQLite draws its seed from the default VFS, not from here
  return size;
}

int Sleep(sqlite3_vfs*, int microseconds) {
  sqlite3_vfs* const real = sqlite3_vfs_find(nullptr);
  return real->xSleep(real, microseconds);
}

int CurrentTimeInt64(sqlite3_vfs*, sqlite3_int64* milliseconds) {
  *milliseconds = sqlite3_int64{2459580} * 86'400'000;  // 2022: no statement of ours asks for the time
  return SQLITE_OK;
}

int CurrentTime(sqlite3_vfs*, double* days) {
  *days = 2459580;
  return SQLITE_OK;
}

int GetLastError(sqlite3_vfs*, int, char*) { return last_errno; }

}  // namespace

SqliteMemoryVfs::SqliteMemoryVfs(MemoryDisk* disk)
    : disk_(disk), name_(absl::StrCat("memory-", absl::Hex(this))), vfs_(std::make_unique<sqlite3_vfs>()) {
  *vfs_ = {};
  vfs_->iVersion = 2;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = Open;
  vfs_->xDelete = Delete;
  vfs_->xAccess = Access;
  vfs_->xFullPathname = FullPathname;
  vfs_->xRandomness = Randomness;
  vfs_->xSleep = Sleep;
  vfs_->xCurrentTime = CurrentTime;
  vfs_->xCurrentTimeInt64 = CurrentTimeInt64;
  vfs_->xGetLastError = GetLastError;
  HF_CHECK(sqlite3_vfs_register(vfs_.get(), 0) == SQLITE_OK, "SQLite refuses the memory VFS");
}

SqliteMemoryVfs::~SqliteMemoryVfs() {
  UnregisterChecksumVfs(name_);
  sqlite3_vfs_unregister(vfs_.get());
  MutexLock lock(&mu_);
  HF_CHECK(open_count_ == 0, "a connection outlives its disk");
}

std::shared_ptr<SqliteMemoryLocks> SqliteMemoryVfs::LocksOf(const std::shared_ptr<MemoryFile>& file) {
  MutexLock lock(&mu_);
  // An address may be used again once its file is gone; then no connection holds the old locks any more.
  std::weak_ptr<SqliteMemoryLocks>& known = locks_[file.get()];
  std::shared_ptr<SqliteMemoryLocks> locks = known.lock();
  if (locks == nullptr) known = locks = std::make_shared<SqliteMemoryLocks>();
  return locks;
}

void SqliteMemoryVfs::CountOpen(int change) {
  MutexLock lock(&mu_);
  open_count_ += change;
  if (open_count_ == 0) locks_.clear();
}

void SeedSqliteRandomness(uint32_t seed) {
  HF_CHECK(seed != 0, "0 gives the seed back to chance");
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed), nullptr);
}

}  // namespace holdfast::storage
