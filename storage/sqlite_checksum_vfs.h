#pragma once

#include <string>

#include "absl/strings/string_view.h"

struct sqlite3;

// A SQLite VFS over another one that keeps a checksum in each page of a main database file, so that a bit
// which changed on the disk is an error wherever it lies: header, index, interior page, overflow page, free
// page (I13). Row hashes alone would miss a row that a damaged interior page no longer leads to.
//
// Format: the last 8 bytes of each page (reserved space, header byte 20) hold XXH3-64 of the bytes before
// them, seeded with the page number, little-endian. Everything else is an ordinary SQLite file. WAL files are
// left alone: their frames have checksums of their own, checked when the WAL is recovered.
//
// Reads: a whole page that was read must match. A mapped page must match when it is first used after it was
// written or after the file was opened by this process; then it costs a bit test (VerifiedPages). A mismatch
// is SQLITE_IOERR_DATA, which is DATA_DAMAGED here. Reads of less than a page (SQLite looks at the header's
// page size before it can read page 1) pass unchecked: SQLite trusts nothing of them before it has read page
// 1 whole.
//
// A crash in the middle of a checkpoint may tear pages; the WAL still holds them, and
// SqliteDatabase::OpenWriter checkpoints before anyone reads the file beside SQLite.
namespace holdfast::storage {

inline constexpr int kPageChecksumBytes = 8;

// The name under which the stack over `base_vfs` (empty: the operating system's) is registered; registers it
// at the first call. The name of an unknown VFS comes back as it is, for SQLite to refuse. Any thread.
std::string RegisterChecksumVfs(absl::string_view base_vfs);

// Before a base VFS goes away. No file may be open on it. Any thread.
void UnregisterChecksumVfs(absl::string_view base_vfs);

// Makes every page of this connection's file be checked anew when it is next used, by whichever connection of
// the process. Thread of the connection.
void ForgetVerifiedPages(sqlite3* db);

}  // namespace holdfast::storage
