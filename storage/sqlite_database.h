#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/sqlite_options.h"
#include "storage/sqlite_statement.h"

struct sqlite3;

namespace holdfast::storage {

// What a checkpoint achieved.
struct SqliteCheckpoint {
  int frames_total = 0;         // frames in the WAL
  int frames_checkpointed = 0;  // of which now in the database file
  int64_t wal_bytes = 0;        // the WAL file's size; it keeps its size when it restarts

  // True if the next commit starts the WAL from its beginning, once no reader looks at it.
  bool complete() const { return frames_checkpointed == frames_total; }
};

// One connection to one SQLite file in WAL mode. It belongs to one thread at a time: hand it over, never
// share it. Of each file exactly one connection in the process is a writer, and only the writer checkpoints
// (DESIGN 7: the WAL-reset bug of SQLite before 3.51.3). Statements and transactions must not outlive it.
//
// Failures carry the reasons of storage/errors.h. After IsFailedSync the owner must end the process. After
// IsDiskFull the transaction is rolled back and the connection is good for reads and later writes.
class SqliteDatabase {
 public:
  // Opens or creates `path` for reading and writing. DATA_DAMAGED if it is no database or was cut short.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenWriter(absl::string_view path,
                                                                    const SqliteOptions& options);

  // Opens an existing database, which refuses writes. Open the writer first: it brings a file that a crash
  // cut short in the middle of a checkpoint back to its size, and refuses one that lacks pages for good. A
  // reader says so only when it meets one.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenReader(absl::string_view path,
                                                                    const SqliteOptions& options);

  ~SqliteDatabase();
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  // Prepares one statement for repeated use; INTERNAL if the SQL is wrong.
  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql);

  // Runs any number of statements (a schema), ignoring rows.
  absl::Status Execute(absl::string_view sql);

  // Moves what it can from the WAL into the file without waiting for readers (PASSIVE). Writer only, outside
  // a transaction. Costs about 11 ms per 1,000 pages; syncs both files.
  absl::StatusOr<SqliteCheckpoint> Checkpoint();

  // From the next transaction on: is a commit durable when it returns (the rule), or only written, so that it
  // outlives the process but not the machine? A later synced commit makes it durable too. Outside a
  // transaction.
  absl::Status SetSynced(bool is_synced);

  // The size of the WAL file now; 0 if there is none yet.
  int64_t WalBytes();

  // Frames in the WAL after the last commit of this connection, those already checkpointed included: what a
  // checkpoint would have to look at. 0 before the first commit.
  int wal_frames() const { return wal_frames_; }

  // OK, or DATA_DAMAGED with the first findings. Deep also compares indexes with their tables. Note that most
  // flipped bits pass both: row hashes are what finds them (I13).
  absl::Status QuickCheck();
  absl::Status IntegrityCheck();
  // Of one table with its indexes.
  absl::Status IntegrityCheck(absl::string_view table);

  // Reads up to `count` pages of the file itself (not the WAL) from `first`, counted from 1, past SQLite's
  // cache, and appends to `damaged` those that do not match their checksums: free pages and unused bytes too,
  // which no query would touch. Other errors end it. Requires options().page_checksums. May be called while
  // the file is in use.
  absl::Status CheckPages(int64_t first, int64_t count, std::vector<int64_t>* damaged);
  absl::StatusOr<int64_t> FilePages();

  // Every page that any connection of this process maps is checked anew when it is next used.
  void ForgetVerifiedPages();

  // DATA_DAMAGED if the file is now shorter than its own header says, or than it was when this connection
  // first saw it: reading a mapped page beyond the end would end the process with SIGBUS. Costs one fstat
  // when nothing is wrong. Pinning a snapshot calls it when the file is mapped.
  absl::Status CheckFileSize();

  // The schema version that the owner keeps in the file (PRAGMA user_version), and its application's mark.
  absl::StatusOr<int64_t> UserVersion();
  absl::Status SetUserVersion(int64_t version);
  absl::StatusOr<int64_t> ApplicationId();
  absl::Status SetApplicationId(int64_t id);

  // The number of rows that the last finished INSERT, UPDATE or DELETE changed.
  int64_t ChangedRowCount() const;

  bool in_transaction() const;
  bool is_writer() const { return is_writer_; }
  bool is_mapped() const { return mmap_bytes_ > 0; }
  const std::string& path() const { return path_; }
  const SqliteOptions& options() const { return options_; }

 private:
  friend class SqliteBackup;
  friend class SqliteQuery;
  friend class SqliteReadTransaction;
  friend class SqliteStatement;
  friend class SqliteTransaction;

  SqliteDatabase(absl::string_view path, const SqliteOptions& options, bool is_writer);

  absl::Status Open();
  absl::Status PrepareOwnStatements();
  absl::Status CheckMatchesWal();
  absl::Status RepairSizeOrRefuse();
  absl::Status HeaderFitsFile();
  absl::StatusOr<int64_t> ReadInt64(absl::string_view sql);
  absl::Status RunCheck(absl::string_view pragma);
  absl::Status Error(int code) const;

  const std::string path_;
  const SqliteOptions options_;
  const bool is_writer_;
  int64_t mmap_bytes_ = 0;  // what was asked for, once the file's size was found good
  int64_t seen_bytes_ = 0;  // the largest size seen; the file never shrinks (no VACUUM)
  int wal_frames_ = 0;
  sqlite3* db_ = nullptr;

  SqliteStatement begin_immediate_;
  SqliteStatement begin_;
  SqliteStatement pin_;
  SqliteStatement commit_;
  SqliteStatement rollback_;
};

}  // namespace holdfast::storage
