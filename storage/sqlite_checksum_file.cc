#include "storage/sqlite_checksum_file.h"

#include <sqlite3.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <tuple>
#include <utility>

#include "base/executor.h"
#include "base/mutex.h"
#include "storage/sqlite_checksum_vfs.h"
#include "storage/verified_pages.h"

namespace holdfast::storage {
namespace {

constexpr int kMinPageBytes = 512;
constexpr int kMaxPageBytes = 65536;
// A page that is being written when it is read is read again so often before it counts as damaged.
constexpr int kMaxReadsOfBusyPage = 1000;

// Lives in the memory that SQLite gives for a file, before the base's own part.
struct ChecksumFile {
  sqlite3_file sqlite;  // first, as SQLite demands
  std::shared_ptr<VerifiedPages> pages;

  sqlite3_file* base() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

ChecksumFile* Self(sqlite3_file* file) { return reinterpret_cast<ChecksumFile*>(file); }
sqlite3_file* Base(sqlite3_file* file) { return Self(file)->base(); }
const sqlite3_io_methods* BaseMethods(sqlite3_file* file) { return Base(file)->pMethods; }

// ---- Which open files share a map ----

// The stack, the path, device and inode: a file that took another's name is another file. (0, 0) for a base
// that is not the operating system's; such a one does not map, so that nothing depends on the map.
using FileIdentity = std::tuple<const sqlite3_vfs*, std::string, uint64_t, uint64_t>;

struct OpenFiles {
  Mutex mu;
  std::map<FileIdentity, std::weak_ptr<VerifiedPages>> maps ABSL_GUARDED_BY(mu);
};

OpenFiles& TheOpenFiles() {
  static OpenFiles* const files = new OpenFiles;
  return *files;
}

std::pair<uint64_t, uint64_t> InodeOf(const char* path) {
  struct stat found;
  if (path == nullptr || stat(path, &found) != 0) return {0, 0};
  return {found.st_dev, found.st_ino};
}

std::shared_ptr<VerifiedPages> SharedMap(FileIdentity identity) {
  OpenFiles& files = TheOpenFiles();
  MutexLock lock(&files.mu);
  for (auto it = files.maps.begin(); it != files.maps.end();) {
    it = it->second.expired() ? files.maps.erase(it) : std::next(it);
  }
  std::weak_ptr<VerifiedPages>& entry = files.maps[std::move(identity)];
  std::shared_ptr<VerifiedPages> map = entry.lock();
  if (map == nullptr) entry = map = std::make_shared<VerifiedPages>();
  return map;
}

// ---- Pages ----

bool IsWholePage(int amount, sqlite3_int64 offset) {
  return amount >= kMinPageBytes && amount <= kMaxPageBytes && (amount & (amount - 1)) == 0 &&
         offset % amount == 0;
}

uint32_t PageNumber(int amount, sqlite3_int64 offset) { return static_cast<uint32_t>(offset / amount) + 1; }

void Checksum(const void* page, int bytes, uint32_t number, unsigned char* out) {
  uint64_t hash = XXH3_64bits_withSeed(page, static_cast<size_t>(bytes - kPageChecksumBytes), number);
  for (int i = 0; i < kPageChecksumBytes; ++i, hash >>= 8) out[i] = static_cast<unsigned char>(hash);
}

bool Matches(const void* page, int bytes, uint32_t number) {
  unsigned char expected[kPageChecksumBytes];
  Checksum(page, bytes, number, expected);
  const auto* const stored = static_cast<const unsigned char*>(page) + bytes - kPageChecksumBytes;
  return std::memcmp(expected, stored, kPageChecksumBytes) == 0;
}

int Damaged(uint32_t number) {
  sqlite3_log(SQLITE_IOERR_DATA, "page %u does not match its checksum", number);
  return SQLITE_IOERR_DATA;
}

// ---- sqlite3_io_methods ----

int Close(sqlite3_file* file) {
  const int code = BaseMethods(file)->xClose(Base(file));
  Self(file)->~ChecksumFile();
  file->pMethods = nullptr;
  return code;
}

int ReadWholePage(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  VerifiedPages& pages = *Self(file)->pages;
  const uint32_t number = PageNumber(amount, offset);
  for (int reads = 1;; ++reads) {
    const uint64_t before = pages.Now();
    const int code = BaseMethods(file)->xRead(Base(file), out, amount, offset);
    if (code == SQLITE_IOERR_SHORT_READ) {
      // Only a database without its first page may end here; SQLite takes zeros for one.
      sqlite3_int64 size = 0;
      const int sized = BaseMethods(file)->xFileSize(Base(file), &size);
      if (sized != SQLITE_OK || size == 0) return sized != SQLITE_OK ? sized : code;
    } else if (code != SQLITE_OK) {
      return code;
    } else if (Matches(out, amount, number)) {
      return SQLITE_OK;
    }
    if (pages.WasQuietSince(before) || reads == kMaxReadsOfBusyPage) break;
    YieldThisThread();
  }
  pages.Remove(number);
  return Damaged(number);
}

int Read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
  if (IsWholePage(amount, offset)) return ReadWholePage(file, out, amount, offset);
  return BaseMethods(file)->xRead(Base(file), out, amount, offset);
}

int Write(sqlite3_file* file, const void* bytes, int amount, sqlite3_int64 offset) {
  // SQLite writes a main database by whole pages only.
  if (!IsWholePage(amount, offset)) return SQLITE_IOERR_WRITE;
  // A copy: the buffer is SQLite's page cache, or a frame whose checksum was taken already.
  alignas(64) static thread_local unsigned char page[kMaxPageBytes];
  const uint32_t number = PageNumber(amount, offset);
  std::memcpy(page, bytes, static_cast<size_t>(amount - kPageChecksumBytes));
  Checksum(page, amount, number, page + amount - kPageChecksumBytes);
  VerifiedPages& pages = *Self(file)->pages;
  pages.HasPageBytes(amount);
  pages.BeginWrite();
  pages.Remove(number);
  const int code = BaseMethods(file)->xWrite(Base(file), page, amount, offset);
  pages.EndWrite();
  return code;
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  VerifiedPages& pages = *Self(file)->pages;
  pages.BeginWrite();
  const int page_bytes = pages.page_bytes();
  if (page_bytes == 0) pages.Clear();
  if (page_bytes != 0) pages.RemoveFrom(PageNumber(page_bytes, size));
  const int code = BaseMethods(file)->xTruncate(Base(file), size);
  pages.EndWrite();
  return code;
}

int Fetch(sqlite3_file* file, sqlite3_int64 offset, int amount, void** page) {
  *page = nullptr;
  if (BaseMethods(file)->iVersion < 3 || BaseMethods(file)->xFetch == nullptr) return SQLITE_OK;
  const int code = BaseMethods(file)->xFetch(Base(file), offset, amount, page);
  if (code != SQLITE_OK || *page == nullptr) return code;
  VerifiedPages& pages = *Self(file)->pages;
  const uint32_t number = PageNumber(amount, offset);
  const bool is_known_size = pages.HasPageBytes(amount);
  if (is_known_size && pages.Contains(number)) return SQLITE_OK;
  const uint64_t before = pages.Now();
  if (IsWholePage(amount, offset) && Matches(*page, amount, number)) {
    // A page is never mapped by a reader while a checkpoint writes it, but the bit would outlive the mistake.
    if (is_known_size && pages.WasQuietSince(before)) pages.Add(number);
    return SQLITE_OK;
  }
  BaseMethods(file)->xUnfetch(Base(file), offset, *page);
  *page = nullptr;
  return Damaged(number);
}

int Unfetch(sqlite3_file* file, sqlite3_int64 offset, void* page) {
  if (BaseMethods(file)->iVersion < 3 || BaseMethods(file)->xUnfetch == nullptr) return SQLITE_OK;
  return BaseMethods(file)->xUnfetch(Base(file), offset, page);
}

int FileControl(sqlite3_file* file, int operation, void* argument) {
  if (operation == kForgetVerifiedControl) {
    Self(file)->pages->Clear();
    return SQLITE_OK;
  }
  return BaseMethods(file)->xFileControl(Base(file), operation, argument);
}

int DeviceCharacteristics(sqlite3_file* file) {
  int characteristics = BaseMethods(file)->xDeviceCharacteristics(Base(file));
#ifdef SQLITE_IOCAP_SUBPAGE_READ
  characteristics &= ~SQLITE_IOCAP_SUBPAGE_READ;  // what is less than a page cannot be checked
#endif
  return characteristics;
}

int Sync(sqlite3_file* file, int flags) { return BaseMethods(file)->xSync(Base(file), flags); }
int FileSize(sqlite3_file* file, sqlite3_int64* out) { return BaseMethods(file)->xFileSize(Base(file), out); }
int Lock(sqlite3_file* file, int level) { return BaseMethods(file)->xLock(Base(file), level); }
int Unlock(sqlite3_file* file, int level) { return BaseMethods(file)->xUnlock(Base(file), level); }
int CheckReservedLock(sqlite3_file* file, int* out) {
  return BaseMethods(file)->xCheckReservedLock(Base(file), out);
}
int SectorSize(sqlite3_file* file) { return BaseMethods(file)->xSectorSize(Base(file)); }
int ShmMap(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  return BaseMethods(file)->xShmMap(Base(file), region, bytes, extend, out);
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  return BaseMethods(file)->xShmLock(Base(file), offset, count, flags);
}
void ShmBarrier(sqlite3_file* file) { BaseMethods(file)->xShmBarrier(Base(file)); }
int ShmUnmap(sqlite3_file* file, int remove) { return BaseMethods(file)->xShmUnmap(Base(file), remove); }

constexpr sqlite3_io_methods MakeMethods(int version) {
  return {version,
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
          Fetch,
          Unfetch};
}

// A base without shared memory must not seem to have it.
constexpr sqlite3_io_methods kWithoutSharedMemory = MakeMethods(1);
constexpr sqlite3_io_methods kComplete = MakeMethods(3);

}  // namespace

int ChecksumFileBytes(const sqlite3_vfs* base) {
  return static_cast<int>(sizeof(ChecksumFile)) + base->szOsFile;
}

int OpenChecksumFile(sqlite3_vfs* base, const sqlite3_vfs* stack, const char* path, sqlite3_file* file,
                     int flags, int* out_flags) {
  file->pMethods = nullptr;  // until it is open: SQLite then closes nothing
  auto* const base_file = reinterpret_cast<sqlite3_file*>(reinterpret_cast<ChecksumFile*>(file) + 1);
  const auto before = InodeOf(path);
  const int code = base->xOpen(base, path, base_file, flags, out_flags);
  if (code != SQLITE_OK) {
    if (base_file->pMethods != nullptr) base_file->pMethods->xClose(base_file);
    return code;
  }
  auto* const self = new (file) ChecksumFile;
  const bool has_shared_memory =
      base_file->pMethods->iVersion >= 2 && base_file->pMethods->xShmMap != nullptr;
  self->sqlite.pMethods = has_shared_memory ? &kComplete : &kWithoutSharedMemory;
  const auto [device, inode] = InodeOf(path);
  if (path == nullptr || (before.second != 0 && before != std::pair(device, inode))) {
    // Replaced while it was opened, or without a name: shares with nobody.
    self->pages = std::make_shared<VerifiedPages>();
    return SQLITE_OK;
  }
  self->pages = SharedMap({stack, path, device, inode});
  return SQLITE_OK;
}

}  // namespace holdfast::storage
