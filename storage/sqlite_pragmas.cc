#include "storage/sqlite_pragmas.h"

#include <sqlite3.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "storage/sqlite_checksum_vfs.h"

namespace holdfast::storage {
namespace {

// After a WAL that had grown long restarts, it is cut back to this.
constexpr int64_t kWalKeptBytes = int64_t{16} << 20;

int Run(sqlite3* db, const std::string& sql) {
  return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
}

int KeepFirst(std::initializer_list<int> codes) {
  for (const int code : codes) {
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

// PRAGMA journal_mode does not fail when it cannot do as told: it answers with the mode that stayed.
int SwitchToWal(sqlite3* db) {
  std::string mode;
  const auto keep_mode = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) = values[0];
    return 0;
  };
  const int code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", keep_mode, &mode, nullptr);
  return code != SQLITE_OK || mode == "wal" ? code : SQLITE_CANTOPEN;
}

// Room at the end of each page; SQLite heeds it only as long as the file has no page.
int ReservePageBytes(sqlite3* db, int bytes) {
  return sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
}

}  // namespace

std::string VfsName(const SqliteOptions& options) {
  return options.page_checksums ? RegisterChecksumVfs(options.vfs) : options.vfs;
}

int ConfigureConnection(sqlite3* db, const SqliteOptions& options, bool is_writer) {
  return KeepFirst({
      sqlite3_extended_result_codes(db, 1),
      sqlite3_busy_timeout(db, static_cast<int>(absl::ToInt64Milliseconds(options.busy_timeout))),
      // Closing must never checkpoint: only the writer does, on its turn.
      sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr),
      sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr),
      sqlite3_wal_autocheckpoint(db, 0),
      Run(db, "PRAGMA trusted_schema = OFF"),
      Run(db, "PRAGMA foreign_keys = OFF"),
      Run(db, "PRAGMA temp_store = MEMORY"),
      Run(db, "PRAGMA mmap_size = 0"),
      Run(db, absl::StrCat("PRAGMA cache_size = -", options.cache_bytes / 1024)),
      Run(db, absl::StrCat("PRAGMA synchronous = ", options.durable ? "FULL" : "OFF")),
      Run(db, absl::StrCat("PRAGMA query_only = ", is_writer ? "OFF" : "ON")),
  });
}

int ConfigureWal(sqlite3* db, const SqliteOptions& options) {
  return KeepFirst({
      Run(db, absl::StrCat("PRAGMA page_size = ", options.page_bytes)),
      ReservePageBytes(db, options.page_checksums ? kPageChecksumBytes : 0),
      SwitchToWal(db),
      Run(db, absl::StrCat("PRAGMA journal_size_limit = ", kWalKeptBytes)),
  });
}

int ConfigureSync(sqlite3* db, bool is_synced) {
  return Run(db, is_synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

int ConfigureMapping(sqlite3* db, int64_t mmap_bytes) {
  return Run(db, absl::StrCat("PRAGMA mmap_size = ", mmap_bytes));
}

int ConfigureBackupTarget(sqlite3* db) {
  return KeepFirst({
      sqlite3_extended_result_codes(db, 1),
      sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr),
      Run(db, "PRAGMA journal_mode = OFF"),
      Run(db, "PRAGMA synchronous = FULL"),
  });
}

}  // namespace holdfast::storage
