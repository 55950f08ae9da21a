#include "storage/sqlite_wal_check.h"

#include <sqlite3.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"

namespace holdfast::storage {
namespace {

// SQLite file format, section 4.
constexpr int kWalHeaderBytes = 32;
constexpr int kFrameHeaderBytes = 24;
constexpr uint32_t kMagic = 0x377f0682;  // the lowest bit: checksums over big-endian words

uint32_t BigEndian(const unsigned char* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

uint32_t LittleEndian(const unsigned char* bytes) {
  return uint32_t{bytes[3]} << 24 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[1]} << 8 | bytes[0];
}

struct Sum {
  uint32_t a = 0;
  uint32_t b = 0;

  bool operator==(const Sum&) const = default;
  static Sum Stored(const unsigned char* bytes) { return {BigEndian(bytes), BigEndian(bytes + 4)}; }
};

Sum Add(Sum sum, bool is_big_endian, const unsigned char* bytes, int size) {
  for (int i = 0; i < size; i += 8) {
    sum.a += (is_big_endian ? BigEndian(bytes + i) : LittleEndian(bytes + i)) + sum.b;
    sum.b += (is_big_endian ? BigEndian(bytes + i + 4) : LittleEndian(bytes + i + 4)) + sum.a;
  }
  return sum;
}

// A WAL file, open for reading.
class WalFile {
 public:
  explicit WalFile(sqlite3_vfs* vfs) : vfs_(vfs), memory_(static_cast<size_t>(vfs->szOsFile) / 8 + 1) {}
  ~WalFile() {
    if (file()->pMethods != nullptr) file()->pMethods->xClose(file());
  }
  int Open(const char* path) {
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL;
    return vfs_->xOpen(vfs_, path, file(), flags, &flags);
  }
  int Size(sqlite3_int64* size) { return file()->pMethods->xFileSize(file(), size); }
  int Read(void* out, int size, int64_t offset) { return file()->pMethods->xRead(file(), out, size, offset); }

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }
  sqlite3_vfs* const vfs_;
  std::vector<uint64_t> memory_;
};

// Walks the frames. Each is compared with the stored checksum of its predecessor, so that frames beyond a
// damaged one can still be recognised.
class FrameWalk {
 public:
  explicit FrameWalk(const unsigned char* header)
      : is_big_endian_((BigEndian(header) & 1) != 0),
        salt_(Sum::Stored(header + 16)),
        last_(Sum::Stored(header + 24)) {}

  // True: this frame proves that an earlier one was damaged after it was synced.
  bool Take(const unsigned char* frame, int page_bytes) {
    const Sum stored = Sum::Stored(frame + 16);
    const Sum computed =
        Add(Add(last_, is_big_endian_, frame, 8), is_big_endian_, frame + kFrameHeaderBytes, page_bytes);
    const bool has_salt = Sum::Stored(frame + 8) == salt_;
    const bool is_sound = has_salt && computed == stored && BigEndian(frame) != 0;
    last_ = stored;
    ++number_;
    if (!is_sound && first_bad_ == 0) first_bad_ = number_;
    if (first_bad_ == 0) return false;
    if (is_sound && is_past_commit_) return true;
    is_past_commit_ |= has_salt && BigEndian(frame + 4) != 0;
    return false;
  }

  int64_t first_bad() const { return first_bad_; }

 private:
  const bool is_big_endian_;
  const Sum salt_;
  Sum last_;
  int64_t number_ = 0;
  int64_t first_bad_ = 0;        // counted from 1; 0: none
  bool is_past_commit_ = false;  // a transaction has ended at or after the first bad frame
};

bool IsHeader(const unsigned char* header) {
  if ((BigEndian(header) & ~uint32_t{1}) != kMagic) return false;
  return Add({}, (BigEndian(header) & 1) != 0, header, 24) == Sum::Stored(header + 24);
}

}  // namespace

int CheckWal(sqlite3* db, sqlite3_vfs* vfs, std::string* finding) {
  const char* const path = sqlite3_filename_wal(sqlite3_db_filename(db, "main"));
  int exists = 0;
  if (const int code = vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists)) return code;
  if (exists == 0) return SQLITE_OK;
  WalFile wal(vfs);
  if (const int code = wal.Open(path)) return code;
  sqlite3_int64 size = 0;
  if (const int code = wal.Size(&size)) return code;
  if (size < kWalHeaderBytes) return SQLITE_OK;
  unsigned char header[kWalHeaderBytes];
  if (const int code = wal.Read(header, kWalHeaderBytes, 0)) return code;
  constexpr unsigned char kNothing[kWalHeaderBytes] = {};
  if (std::memcmp(header, kNothing, kWalHeaderBytes) == 0) return SQLITE_OK;  // made, but never synced
  if (!IsHeader(header)) {
    *finding = "the header of its WAL does not match its checksum";
    return SQLITE_OK;
  }
  const int page_bytes = static_cast<int>(BigEndian(header + 8));
  if (page_bytes < 512 || page_bytes > 65536) return SQLITE_OK;  // SQLite refuses it
  std::vector<unsigned char> frame(static_cast<size_t>(kFrameHeaderBytes + page_bytes));
  FrameWalk walk(header);
  for (int64_t offset = kWalHeaderBytes; offset + static_cast<int64_t>(frame.size()) <= size;
       offset += static_cast<int64_t>(frame.size())) {
    if (const int code = wal.Read(frame.data(), static_cast<int>(frame.size()), offset)) return code;
    if (!walk.Take(frame.data(), page_bytes)) continue;
    *finding = absl::StrCat("frame ", walk.first_bad(), " of its WAL does not match its checksum");
    return SQLITE_OK;
  }
  return SQLITE_OK;
}

}  // namespace holdfast::storage
