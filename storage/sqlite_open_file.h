#pragma once

// How SQLite opens the operating system's files: without access times, so that no reader waits for the file
// system's journal (storage/DESIGN.md, "Access times").
namespace holdfast::storage {

// From now on SQLite's Unix VFS opens all files of this process with OpenFileWithoutAccessTime. Any thread;
// to be called before each open, the first one does it.
void OpenFilesWithoutAccessTime();

// open(2) with O_NOATIME; without it for a file of another owner, for which the kernel refuses it.
int OpenFileWithoutAccessTime(const char* path, int flags, int mode);

}  // namespace holdfast::storage
