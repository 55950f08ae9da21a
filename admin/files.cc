#include "admin/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "admin/errors.h"

namespace holdfast::admin {
namespace {

// Closes at the end of a scope.
struct OpenFile {
  explicit OpenFile(int fd) : fd(fd) {}
  ~OpenFile() {
    if (fd >= 0) close(fd);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  const int fd;
};

absl::Status WriteAll(int fd, const std::string& path, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return FileError("write", path, strerror(errno));
    if (written > 0) bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (file.fd < 0 || fstat(file.fd, &info) != 0) return FileError("read", path, strerror(errno));
  if (!S_ISREG(info.st_mode)) return FileError("read", path, "it is not a regular file");
  if (static_cast<size_t>(info.st_size) > max_bytes) {
    return FileError("read", path,
                     absl::StrCat("it has ", info.st_size, " bytes, at most ", max_bytes, " are taken"));
  }
  std::string bytes;
  char buffer[1 << 16];
  while (true) {
    const ssize_t size = read(file.fd, buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return FileError("read", path, strerror(errno));
    if (size == 0) return bytes;
    bytes.append(buffer, size);
  }
}

absl::Status WriteWholeFile(const std::string& path, absl::string_view bytes) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error) return FileError("write", path, error.message());
  const std::string draft = absl::StrCat(path, ".part");
  {
    const OpenFile file(open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.fd < 0) return FileError("write", draft, strerror(errno));
    if (absl::Status status = WriteAll(file.fd, draft, bytes); !status.ok()) {
      unlink(draft.c_str());
      return status;
    }
  }
  if (rename(draft.c_str(), path.c_str()) != 0) return FileError("write", path, strerror(errno));
  return absl::OkStatus();
}

}  // namespace holdfast::admin
