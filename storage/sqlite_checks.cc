// What SqliteDatabase asks of a file before it trusts it, and afterwards.
#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_checksum_vfs.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_wal_check.h"

namespace holdfast::storage {
namespace {

constexpr int kHeaderBytes = 100;
constexpr int64_t kLockedByte = int64_t{1} << 30;  // file format, 1.5

// SQLite's own handle: opening and closing the file beside it would drop every POSIX lock that this process
// has on it.
sqlite3_file* MainFile(sqlite3* db) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file;
}

uint32_t BigEndian32(const unsigned char* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// The bytes that the header promises; 0 if it makes no valid promise (file format, 1.3.7).
int64_t PromisedBytes(const unsigned char* header) {
  if (BigEndian32(header + 24) != BigEndian32(header + 92)) return 0;
  const int64_t stored = header[16] << 8 | header[17];
  const int64_t page_bytes = stored == 1 ? 65536 : stored;
  return page_bytes * BigEndian32(header + 28);
}

}  // namespace

absl::Status SqliteDatabase::CheckMatchesWal() {
  sqlite3_file* const file = MainFile(db_);
  sqlite3_int64 bytes = 0;
  if (const int code = file->pMethods->xFileSize(file, &bytes)) return Error(code);
  sqlite3_vfs* const vfs = sqlite3_vfs_find(options_.vfs.empty() ? nullptr : options_.vfs.c_str());
  if (bytes > 0) {
    std::string finding;
    const bool is_checked = is_writer_ && !options_.has_unsynced_commits;
    const int code = is_checked ? CheckWal(db_, vfs, &finding) : SQLITE_OK;
    if (code != SQLITE_OK) return Error(code);
    return finding.empty() ? absl::OkStatus() : DamagedDatabaseError(path_, finding);
  }
  // SQLite takes an empty file for a new database and deletes its WAL. We write page 1 before there is a WAL.
  const std::string wal = absl::StrCat(sqlite3_db_filename(db_, "main"), "-wal");
  int exists = 0;
  if (const int code = vfs->xAccess(vfs, wal.c_str(), SQLITE_ACCESS_EXISTS, &exists)) return Error(code);
  if (exists == 0) return absl::OkStatus();
  return DamagedDatabaseError(path_, "the file is empty but has a WAL");
}

absl::Status SqliteDatabase::RepairSizeOrRefuse() {
  // A crash in the middle of a checkpoint may leave a new page 1 and an old end, or torn pages; the WAL then
  // holds what they should be. A disk without room for it is no reason not to serve what is there.
  absl::Status repaired;
  if (is_writer_ && WalBytes() > 0) {
    repaired = Checkpoint().status();
    if (!repaired.ok() && !IsDiskFull(repaired)) return repaired;
  }
  const absl::Status fits = HeaderFitsFile();
  if (!repaired.ok() && IsDamaged(fits)) return repaired;  // half repaired: nothing is lost, there is no room
  // A reader may look in the middle of a checkpoint, after page 1 and before the end were written. It does no
  // harm: SQLite maps what is there, and a page that is nowhere reads as damage. The writer has judged.
  if (!is_writer_ && IsDamaged(fits) && seen_bytes_ > 0 && WalBytes() > 0) return absl::OkStatus();
  return fits;
}

absl::Status SqliteDatabase::HeaderFitsFile() {
  sqlite3_file* const file = MainFile(db_);
  sqlite3_int64 bytes = 0;
  if (const int code = file->pMethods->xFileSize(file, &bytes)) return Error(code);
  if (bytes == 0) return absl::OkStatus();
  unsigned char header[kHeaderBytes];
  if (bytes < kHeaderBytes) return DamagedDatabaseError(path_, absl::StrCat("it has only ", bytes, " bytes"));
  if (const int code = file->pMethods->xRead(file, header, kHeaderBytes, 0)) return Error(code);
  seen_bytes_ = bytes;
  const int64_t promised = PromisedBytes(header);
  if (bytes < promised) {
    return DamagedDatabaseError(path_, absl::StrCat("it has ", bytes, " bytes, its header says ", promised));
  }
  return absl::OkStatus();
}

absl::Status SqliteDatabase::CheckFileSize() {
  sqlite3_file* const file = MainFile(db_);
  sqlite3_int64 bytes = 0;
  if (const int code = file->pMethods->xFileSize(file, &bytes)) return Error(code);
  if (bytes < seen_bytes_) {
    return DamagedDatabaseError(path_, absl::StrCat("it has ", bytes, " bytes and had ", seen_bytes_));
  }
  seen_bytes_ = bytes;
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SqliteDatabase::FilePages() {
  HF_ASSIGN_OR_RETURN(const int64_t page_bytes, ReadInt64("PRAGMA page_size"));
  sqlite3_int64 bytes = 0;
  if (const int code = MainFile(db_)->pMethods->xFileSize(MainFile(db_), &bytes)) return Error(code);
  return bytes / page_bytes;
}

absl::Status SqliteDatabase::CheckPages(int64_t first, int64_t count, std::vector<int64_t>* damaged) {
  HF_ASSIGN_OR_RETURN(const int64_t page_bytes, ReadInt64("PRAGMA page_size"));
  HF_ASSIGN_OR_RETURN(const int64_t pages, FilePages());
  std::string page(static_cast<size_t>(page_bytes), '\0');
  for (int64_t number = first; number < first + count && number <= pages; ++number) {
    const int64_t offset = (number - 1) * page_bytes;
    // SQLite keeps its locks there and never writes that page.
    if (offset <= kLockedByte && kLockedByte < offset + page_bytes) continue;
    sqlite3_file* const file = MainFile(db_);
    const int code = file->pMethods->xRead(file, page.data(), static_cast<int>(page_bytes), offset);
    // A page of zeros was never written: the file grew beyond it, and the WAL holds it.
    const bool is_written = page.find_first_not_of('\0') != std::string::npos;
    if (code == SQLITE_IOERR_DATA && !is_written) continue;
    if (code == SQLITE_IOERR_DATA) {
      damaged->push_back(number);
    } else if (code != SQLITE_OK) {
      return Error(code);
    }
  }
  return absl::OkStatus();
}

void SqliteDatabase::ForgetVerifiedPages() { storage::ForgetVerifiedPages(db_); }

absl::Status SqliteDatabase::QuickCheck() { return RunCheck("PRAGMA quick_check(5)"); }

absl::Status SqliteDatabase::IntegrityCheck() { return RunCheck("PRAGMA integrity_check(5)"); }

absl::Status SqliteDatabase::IntegrityCheck(absl::string_view table) {
  return RunCheck(absl::StrCat("PRAGMA integrity_check('", table, "')"));
}

absl::Status SqliteDatabase::RunCheck(absl::string_view pragma) {
  HF_ASSIGN_OR_RETURN(SqliteStatement statement, Prepare(pragma));
  SqliteQuery query = statement.Query();
  std::string findings;
  while (true) {
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) break;
    if (query.Text(0) != "ok") absl::StrAppend(&findings, findings.empty() ? "" : "; ", query.Text(0));
  }
  return findings.empty() ? absl::OkStatus() : DamagedDatabaseError(path_, findings);
}

absl::StatusOr<int64_t> SqliteDatabase::UserVersion() { return ReadInt64("PRAGMA user_version"); }

absl::Status SqliteDatabase::SetUserVersion(int64_t version) {
  return Execute(absl::StrCat("PRAGMA user_version = ", version));
}

absl::StatusOr<int64_t> SqliteDatabase::ApplicationId() { return ReadInt64("PRAGMA application_id"); }

absl::Status SqliteDatabase::SetApplicationId(int64_t id) {
  return Execute(absl::StrCat("PRAGMA application_id = ", id));
}

}  // namespace holdfast::storage
