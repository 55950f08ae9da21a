#pragma once

struct sqlite3_file;
struct sqlite3_vfs;

// The file half of sqlite_checksum_vfs.h: what a main database file does when it is read, written and mapped.
namespace holdfast::storage {

// Forgets which pages were verified (file control without argument).
inline constexpr int kForgetVerifiedControl = 0x48460001;

// sqlite3_vfs::szOsFile of a stack over `base`.
int ChecksumFileBytes(const sqlite3_vfs* base);

// sqlite3_vfs::xOpen for main databases. `stack` tells apart files of the same name on different disks.
int OpenChecksumFile(sqlite3_vfs* base, const sqlite3_vfs* stack, const char* path, sqlite3_file* file,
                     int flags, int* out_flags);

}  // namespace holdfast::storage
