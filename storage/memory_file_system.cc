#include "storage/memory_file_system.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::storage {
namespace {

absl::Status ToStatus(DiskResult result, absl::string_view path) {
  switch (result) {
    case DiskResult::kOk:
      return absl::OkStatus();
    case DiskResult::kNotFound:
      return NoSuchFileError(path);
    case DiskResult::kExists:
      return FileExistsError(path);
    case DiskResult::kNoSpace:
      return DiskFullError(path);
    case DiskResult::kIoError:
      return IoError(path, "the memory disk fails");
  }
  return IoError(path, "the memory disk fails");
}

absl::Status ToSyncStatus(DiskResult result, absl::string_view path) {
  return result == DiskResult::kOk ? absl::OkStatus() : FailedSyncError(path, "the memory disk fails");
}

class MemoryAppendStream : public AppendStream {
 public:
  MemoryAppendStream(MemoryDisk* disk, absl::string_view path, std::shared_ptr<MemoryFile> file, int64_t size)
      : disk_(disk), path_(path), file_(std::move(file)), size_(size) {}

  absl::Status Append(absl::string_view bytes) override {
    HF_RETURN_IF_ERROR(ToStatus(disk_->Write(*file_, size_, bytes), path_));
    size_ += static_cast<int64_t>(bytes.size());
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    HF_RETURN_IF_ERROR(ToSyncStatus(disk_->Sync(*file_), path_));
    if (std::exchange(is_name_durable_, true)) return absl::OkStatus();
    return ToSyncStatus(disk_->SyncDirectory(ParentDirectory(path_)), path_);
  }

  absl::Status Close() override { return Sync(); }

  int64_t size() const override { return size_; }

 private:
  MemoryDisk* const disk_;
  const std::string path_;
  const std::shared_ptr<MemoryFile> file_;
  int64_t size_;
  bool is_name_durable_ = false;
};

class MemoryFileLock : public FileLock {
 public:
  explicit MemoryFileLock(std::shared_ptr<MemoryFile> file) : file_(std::move(file)) {}

 private:
  const std::shared_ptr<MemoryFile> file_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<MemoryFile>> MemoryFileSystem::Open(absl::string_view path,
                                                                   MemoryDisk::OpenMode mode) {
  std::shared_ptr<MemoryFile> file;
  bool is_created = false;
  HF_RETURN_IF_ERROR(ToStatus(disk_->Open(path, mode, &file, &is_created), path));
  return file;
}

absl::StatusOr<std::string> MemoryFileSystem::ReadFile(absl::string_view path, int64_t max_bytes) {
  HF_ASSIGN_OR_RETURN(const int64_t size, Size(path));
  if (size > max_bytes) return FileTooLargeError(path, size, max_bytes);
  return ReadAt(path, 0, static_cast<size_t>(size));
}

absl::StatusOr<std::string> MemoryFileSystem::ReadAt(absl::string_view path, int64_t offset,
                                                     size_t max_bytes) {
  HF_ASSIGN_OR_RETURN(const std::shared_ptr<MemoryFile> file, Open(path, {}));
  std::string bytes(max_bytes, '\0');
  size_t got = 0;
  HF_RETURN_IF_ERROR(ToStatus(disk_->Read(*file, offset, max_bytes, bytes.data(), &got), path));
  bytes.resize(got);
  return bytes;
}

absl::Status MemoryFileSystem::WriteNewFile(absl::string_view path, absl::string_view bytes) {
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<AppendStream> stream, CreateAppendStream(path));
  HF_RETURN_IF_ERROR(stream->Append(bytes));
  return stream->Close();
}

absl::StatusOr<std::unique_ptr<AppendStream>> MemoryFileSystem::CreateAppendStream(absl::string_view path) {
  HF_ASSIGN_OR_RETURN(std::shared_ptr<MemoryFile> file, Open(path, {.create = true, .exclusive = true}));
  return std::make_unique<MemoryAppendStream>(disk_, path, std::move(file), 0);
}

absl::StatusOr<std::unique_ptr<AppendStream>> MemoryFileSystem::ResumeAppendStream(absl::string_view path,
                                                                                   int64_t keep_bytes) {
  HF_ASSIGN_OR_RETURN(std::shared_ptr<MemoryFile> file, Open(path, {}));
  int64_t size = 0;
  HF_RETURN_IF_ERROR(ToStatus(disk_->Size(*file, &size), path));
  if (size < keep_bytes) return IoError(path, absl::StrCat("it has ", size, " bytes, not ", keep_bytes));
  HF_RETURN_IF_ERROR(ToStatus(disk_->Truncate(*file, keep_bytes), path));
  return std::make_unique<MemoryAppendStream>(disk_, path, std::move(file), keep_bytes);
}

absl::Status MemoryFileSystem::Rename(absl::string_view from, absl::string_view to) {
  HF_RETURN_IF_ERROR(ToStatus(disk_->Rename(from, to), from));
  HF_RETURN_IF_ERROR(ToSyncStatus(disk_->SyncDirectory(ParentDirectory(to)), to));
  if (ParentDirectory(from) == ParentDirectory(to)) return absl::OkStatus();
  return ToSyncStatus(disk_->SyncDirectory(ParentDirectory(from)), from);
}

absl::Status MemoryFileSystem::Remove(absl::string_view path) {
  HF_RETURN_IF_ERROR(ToStatus(disk_->Remove(path), path));
  return ToSyncStatus(disk_->SyncDirectory(ParentDirectory(path)), path);
}

absl::StatusOr<bool> MemoryFileSystem::Exists(absl::string_view path) { return disk_->Exists(path); }

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(absl::string_view directory) {
  std::vector<std::string> names;
  HF_RETURN_IF_ERROR(ToStatus(disk_->List(directory, &names), directory));
  return names;
}

absl::StatusOr<int64_t> MemoryFileSystem::Size(absl::string_view path) {
  int64_t size = 0;
  HF_RETURN_IF_ERROR(ToStatus(disk_->SizeOf(path, &size), path));
  return size;
}

absl::Status MemoryFileSystem::MakeDirectories(absl::string_view path) {
  return ToStatus(disk_->MakeDirectories(path), path);
}

absl::Status MemoryFileSystem::SyncDirectory(absl::string_view directory) {
  const DiskResult result = disk_->SyncDirectory(directory);
  return result == DiskResult::kNotFound ? NoSuchFileError(directory) : ToSyncStatus(result, directory);
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(absl::string_view path) {
  HF_ASSIGN_OR_RETURN(std::shared_ptr<MemoryFile> file, Open(path, {.create = true}));
  MutexLock lock(&mu_);
  std::weak_ptr<MemoryFile>& locked = locked_[std::string(path)];
  // After a crash the path leads to another MemoryFile, so the old holder's no longer counts.
  if (locked.lock() == file) return LockedByAnotherProcessError(path, 0);
  // The disk holds the file too: an object of our own tells how long the lock lives.
  std::shared_ptr<MemoryFile> held(file.get(), [file](MemoryFile*) {});
  locked = held;
  return std::make_unique<MemoryFileLock>(std::move(held));
}

absl::StatusOr<int64_t> MemoryFileSystem::FreeBytes(absl::string_view) { return disk_->FreeBytes(); }

}  // namespace holdfast::storage
