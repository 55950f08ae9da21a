#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/file_system.h"

namespace holdfast::storage {
namespace {

absl::Status ErrnoError(absl::string_view path, absl::string_view call, int error) {
  if (error == ENOSPC || error == EDQUOT) return DiskFullError(path);
  if (error == ENOENT) return NoSuchFileError(path);
  if (error == EEXIST) return FileExistsError(path);
  return IoError(path, absl::StrCat(call, ": ", strerror(error)));
}

// An open descriptor, closed with its owner.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

absl::StatusOr<Descriptor> OpenFile(absl::string_view path, int flags) {
  const std::string name(path);
  int fd;
  do {
    fd = open(name.c_str(), flags | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return ErrnoError(path, "open", errno);
  return Descriptor(fd);
}

absl::Status WriteAll(int fd, absl::string_view path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(path, "write", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

// Appends up to `max_bytes` from `offset` to `out`.
absl::Status ReadInto(int fd, absl::string_view path, int64_t offset, size_t max_bytes, std::string& out) {
  out.resize(max_bytes);
  size_t done = 0;
  while (done < max_bytes) {
    const ssize_t got = pread(fd, out.data() + done, max_bytes - done, offset + static_cast<int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(path, "read", errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  out.resize(done);
  return absl::OkStatus();
}

absl::Status SyncDescriptor(int fd, absl::string_view path) {
  // Not even EINTR is retried: after a failed fsync the kernel may have dropped the pages (DESIGN 7).
  if (fsync(fd) != 0) return FailedSyncError(path, strerror(errno));
  return absl::OkStatus();
}

absl::Status SyncDirectoryAt(absl::string_view directory) {
  HF_ASSIGN_OR_RETURN(const Descriptor fd, OpenFile(directory, O_RDONLY | O_DIRECTORY));
  return SyncDescriptor(fd.get(), directory);
}

class PosixAppendStream : public AppendStream {
 public:
  PosixAppendStream(absl::string_view path, Descriptor fd, int64_t size)
      : path_(path), fd_(std::move(fd)), size_(size) {}

  absl::Status Append(absl::string_view bytes) override {
    HF_RETURN_IF_ERROR(WriteAll(fd_.get(), path_, bytes));
    size_ += static_cast<int64_t>(bytes.size());
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    HF_RETURN_IF_ERROR(SyncDescriptor(fd_.get(), path_));
    if (std::exchange(is_name_durable_, true)) return absl::OkStatus();
    return SyncDirectoryAt(ParentDirectory(path_));
  }

  absl::Status Close() override {
    HF_RETURN_IF_ERROR(Sync());
    fd_ = Descriptor();
    return absl::OkStatus();
  }

  int64_t size() const override { return size_; }

 private:
  const std::string path_;
  Descriptor fd_;
  int64_t size_;
  bool is_name_durable_ = false;
};

class PosixFileLock : public FileLock {
 public:
  explicit PosixFileLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;  // closing it releases the lock
};

class Posix : public FileSystem {
 public:
  absl::StatusOr<std::string> ReadFile(absl::string_view path, int64_t max_bytes) override {
    HF_ASSIGN_OR_RETURN(const int64_t size, Size(path));
    if (size > max_bytes) return FileTooLargeError(path, size, max_bytes);
    return ReadAt(path, 0, static_cast<size_t>(size));
  }

  absl::StatusOr<std::string> ReadAt(absl::string_view path, int64_t offset, size_t max_bytes) override {
    HF_ASSIGN_OR_RETURN(const Descriptor fd, OpenFile(path, O_RDONLY));
    std::string bytes;
    HF_RETURN_IF_ERROR(ReadInto(fd.get(), path, offset, max_bytes, bytes));
    return bytes;
  }

  absl::Status WriteNewFile(absl::string_view path, absl::string_view bytes) override {
    HF_ASSIGN_OR_RETURN(const std::unique_ptr<AppendStream> stream, CreateAppendStream(path));
    HF_RETURN_IF_ERROR(stream->Append(bytes));
    return stream->Close();
  }

  absl::StatusOr<std::unique_ptr<AppendStream>> CreateAppendStream(absl::string_view path) override {
    HF_ASSIGN_OR_RETURN(Descriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_EXCL));
    return std::make_unique<PosixAppendStream>(path, std::move(fd), 0);
  }

  absl::StatusOr<std::unique_ptr<AppendStream>> ResumeAppendStream(absl::string_view path,
                                                                   int64_t keep_bytes) override;

  absl::Status Rename(absl::string_view from, absl::string_view to) override {
    struct stat found;
    if (stat(std::string(from).c_str(), &found) != 0) return ErrnoError(from, "stat", errno);
    if (S_ISDIR(found.st_mode)) return IoError(from, "it is a directory; only files are renamed");
    if (rename(std::string(from).c_str(), std::string(to).c_str()) != 0)
      return ErrnoError(from, "rename", errno);
    // The target first: a crash between the two leaves both names, never none.
    HF_RETURN_IF_ERROR(SyncDirectoryAt(ParentDirectory(to)));
    if (ParentDirectory(from) == ParentDirectory(to)) return absl::OkStatus();
    return SyncDirectoryAt(ParentDirectory(from));
  }

  absl::Status Remove(absl::string_view path) override {
    if (remove(std::string(path).c_str()) != 0) return ErrnoError(path, "remove", errno);
    return SyncDirectoryAt(ParentDirectory(path));
  }

  absl::StatusOr<bool> Exists(absl::string_view path) override {
    struct stat found;
    if (stat(std::string(path).c_str(), &found) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoError(path, "stat", errno);
  }

  absl::StatusOr<std::vector<std::string>> List(absl::string_view directory) override;

  absl::StatusOr<int64_t> Size(absl::string_view path) override {
    struct stat found;
    if (stat(std::string(path).c_str(), &found) != 0) return ErrnoError(path, "stat", errno);
    return static_cast<int64_t>(found.st_size);
  }

  absl::Status MakeDirectories(absl::string_view path) override;

  absl::Status SyncDirectory(absl::string_view directory) override { return SyncDirectoryAt(directory); }

  absl::StatusOr<std::unique_ptr<FileLock>> Lock(absl::string_view path) override;

  absl::StatusOr<int64_t> FreeBytes(absl::string_view path) override {
    struct statvfs found;
    if (statvfs(std::string(path).c_str(), &found) != 0) return ErrnoError(path, "statvfs", errno);
    return static_cast<int64_t>(found.f_bavail) * static_cast<int64_t>(found.f_frsize);
  }

  std::string sqlite_vfs() const override { return ""; }
};

absl::StatusOr<std::unique_ptr<AppendStream>> Posix::ResumeAppendStream(absl::string_view path,
                                                                        int64_t keep_bytes) {
  HF_ASSIGN_OR_RETURN(const int64_t size, Size(path));
  if (size < keep_bytes) return IoError(path, absl::StrCat("it has ", size, " bytes, not ", keep_bytes));
  HF_ASSIGN_OR_RETURN(Descriptor fd, OpenFile(path, O_WRONLY | O_APPEND));
  if (ftruncate(fd.get(), keep_bytes) != 0) return ErrnoError(path, "ftruncate", errno);
  return std::make_unique<PosixAppendStream>(path, std::move(fd), keep_bytes);
}

absl::StatusOr<std::vector<std::string>> Posix::List(absl::string_view directory) {
  DIR* const stream = opendir(std::string(directory).c_str());
  if (stream == nullptr) return ErrnoError(directory, "opendir", errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* const entry = readdir(stream)) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  closedir(stream);
  if (error != 0) return ErrnoError(directory, "readdir", error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status Posix::MakeDirectories(absl::string_view path) {
  struct stat found;
  if (stat(std::string(path).c_str(), &found) == 0) {
    return S_ISDIR(found.st_mode) ? absl::OkStatus() : IoError(path, "it is a file, not a directory");
  }
  const std::string parent = ParentDirectory(path);
  if (parent != path && parent != ".") HF_RETURN_IF_ERROR(MakeDirectories(parent));
  if (mkdir(std::string(path).c_str(), 0700) != 0 && errno != EEXIST) return ErrnoError(path, "mkdir", errno);
  return SyncDirectoryAt(parent);
}

absl::StatusOr<std::unique_ptr<FileLock>> Posix::Lock(absl::string_view path) {
  HF_ASSIGN_OR_RETURN(Descriptor fd, OpenFile(path, O_RDWR | O_CREAT));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoError(path, "flock", errno);
    std::string holder;
    int64_t pid = 0;
    HF_RETURN_IF_ERROR(ReadInto(fd.get(), path, 0, 32, holder));
    if (!absl::SimpleAtoi(holder, &pid)) pid = 0;  // the holder is about to write it
    return LockedByAnotherProcessError(path, pid);
  }
  // The number is for people only, and a node must start on a full disk too: a failure here does not matter.
  if (ftruncate(fd.get(), 0) == 0) (void)WriteAll(fd.get(), path, absl::StrCat(getpid(), "\n"));
  return std::make_unique<PosixFileLock>(std::move(fd));
}

}  // namespace

std::string ParentDirectory(absl::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

FileSystem* PosixFileSystem() {
  static Posix* const file_system = new Posix;
  return file_system;
}

}  // namespace holdfast::storage
