#pragma once

#include <string>

#include "storage/sqlite_options.h"

struct sqlite3;

// Every pragma and connection setting of the project (DESIGN 7), in the order in which they must be made.
// storage/DESIGN.md says why each.
namespace holdfast::storage {

// The name of the VFS to open with: what the options name, under page checksums if they are wanted.
std::string VfsName(const SqliteOptions& options);

// Settings that touch no page: before anything is read. Returns a SQLite result code.
int ConfigureConnection(sqlite3* db, const SqliteOptions& options, bool is_writer);

// Turns a new file into a WAL database, or opens the WAL of an old one. Writer only.
int ConfigureWal(sqlite3* db, const SqliteOptions& options);

// Whether a commit is synced (FULL) or survives the process only (NORMAL). Checkpoints sync in both.
int ConfigureSync(sqlite3* db, bool is_synced);

// Maps the file. Only after its size was found good (SqliteDatabase::CheckFileSize).
int ConfigureMapping(sqlite3* db, int64_t mmap_bytes);

// For the target of a backup: no journal, since a partial copy is thrown away; one sync at the end.
int ConfigureBackupTarget(sqlite3* db);

}  // namespace holdfast::storage
