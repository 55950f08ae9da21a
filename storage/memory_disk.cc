#include "storage/memory_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "storage/file_system.h"

namespace holdfast::storage {
namespace {

bool IsRoot(absl::string_view path) { return path.empty() || path == "." || path == "/"; }

// Above which everything in `directory` begins; the root of relative names is the empty string.
std::string PrefixOf(absl::string_view directory) {
  if (directory.empty() || directory == ".") return "";
  return directory == "/" ? "/" : absl::StrCat(directory, "/");
}

}  // namespace

DiskResult MemoryDisk::Open(absl::string_view path, OpenMode mode, std::shared_ptr<MemoryFile>* file,
                            bool* created) {
  const DiskResult entered = Enter(DiskOperation::kOpen, path);
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  *created = false;
  const auto it = names_.find(path);
  if (it != names_.end()) {
    if (mode.create && mode.exclusive) return DiskResult::kExists;
    *file = it->second;
    return DiskResult::kOk;
  }
  if (!mode.create || !HasDirectory(ParentDirectory(path))) return DiskResult::kNotFound;
  if (HasDirectory(path)) return DiskResult::kIoError;
  const DiskResult admitted = Admit(DiskOperation::kCreate, path);
  if (admitted != DiskResult::kOk) return admitted;
  *file = std::make_shared<MemoryFile>(path, generation_);
  ChangeNames({{std::string(path), *file}});
  *created = true;
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Read(MemoryFile& file, int64_t offset, size_t size, char* out, size_t* got) {
  *got = 0;
  const DiskResult entered = Enter(DiskOperation::kRead, file.path());
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (IsStale(file)) return DiskResult::kIoError;
  if (offset >= file.size()) return DiskResult::kOk;
  *got = std::min(size, static_cast<size_t>(file.size() - offset));
  std::memcpy(out, file.bytes().data() + offset, *got);
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Write(MemoryFile& file, int64_t offset, absl::string_view bytes) {
  const DiskResult entered = Enter(DiskOperation::kWrite, file.path());
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (IsStale(file)) return DiskResult::kIoError;
  counters_.written_bytes += static_cast<int64_t>(bytes.size());
  if (is_frozen_) {
    file.WriteInVain(offset, bytes);
    return DiskResult::kOk;
  }
  const int64_t end = offset + static_cast<int64_t>(bytes.size());
  if (capacity_bytes_ != DiskFault::kForever && end > file.size()) {
    const int64_t room = std::max<int64_t>(0, capacity_bytes_ - UsedBytes());
    const int64_t excess = end - file.size() - room;
    if (excess > 0) {
      const int64_t fits = static_cast<int64_t>(bytes.size()) - excess;
      if (fits > 0) file.Write(offset, bytes.substr(0, static_cast<size_t>(fits)));
      return DiskResult::kNoSpace;
    }
  }
  file.Write(offset, bytes);
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Truncate(MemoryFile& file, int64_t size) {
  const DiskResult entered = Enter(DiskOperation::kTruncate, file.path());
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (IsStale(file)) return DiskResult::kIoError;
  if (is_frozen_) {
    file.TruncateInVain(size);
  } else {
    file.Truncate(size);
  }
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Sync(MemoryFile& file) {
  const DiskResult entered = Enter(DiskOperation::kSync, file.path());
  MutexLock lock(&mu_);
  if (entered != DiskResult::kOk) {
    if (!IsStale(file)) file.ForgetUnsynced();
    return entered;
  }
  if (IsStale(file)) return DiskResult::kIoError;
  if (!is_frozen_) file.Sync();
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Size(const MemoryFile& file, int64_t* size) {
  MutexLock lock(&mu_);
  if (IsStale(file)) return DiskResult::kIoError;
  *size = file.size();
  return DiskResult::kOk;
}

void MemoryDisk::Close(const MemoryFile& file) { (void)Enter(DiskOperation::kClose, file.path()); }

bool MemoryDisk::Exists(absl::string_view path) {
  MutexLock lock(&mu_);
  return names_.find(path) != names_.end() || HasDirectory(path);
}

DiskResult MemoryDisk::SizeOf(absl::string_view path, int64_t* size) {
  MutexLock lock(&mu_);
  const auto it = names_.find(path);
  if (it == names_.end()) return DiskResult::kNotFound;
  *size = it->second->size();
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Remove(absl::string_view path) {
  const DiskResult entered = Enter(DiskOperation::kRemove, path);
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (names_.find(path) != names_.end()) {
    ChangeNames({{std::string(path), nullptr}});
    return DiskResult::kOk;
  }
  if (!HasDirectory(path) || IsRoot(path)) return DiskResult::kNotFound;
  const std::string prefix = PrefixOf(path);
  const auto inside = [&prefix](absl::string_view name) { return absl::StartsWith(name, prefix); };
  const bool is_empty =
      std::none_of(names_.begin(), names_.end(), [&](const auto& entry) { return inside(entry.first); }) &&
      std::none_of(directories_.begin(), directories_.end(), inside);
  if (!is_empty) return DiskResult::kIoError;
  directories_.erase(std::string(path));
  return DiskResult::kOk;
}

DiskResult MemoryDisk::Rename(absl::string_view from, absl::string_view to) {
  const DiskResult entered = Enter(DiskOperation::kRename, from);
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (!HasDirectory(ParentDirectory(to))) return DiskResult::kNotFound;
  const auto it = names_.find(from);
  if (it == names_.end()) return HasDirectory(from) ? DiskResult::kIoError : DiskResult::kNotFound;
  if (HasDirectory(to)) return DiskResult::kIoError;
  if (from != to) ChangeNames({{std::string(to), it->second}, {std::string(from), nullptr}});
  return DiskResult::kOk;
}

DiskResult MemoryDisk::SyncDirectory(absl::string_view directory) {
  const DiskResult entered = Enter(DiskOperation::kSyncDirectory, directory);
  if (entered != DiskResult::kOk) return entered;
  MutexLock lock(&mu_);
  if (!HasDirectory(directory)) return DiskResult::kNotFound;
  if (is_frozen_) return DiskResult::kOk;
  const auto touches = [&directory](const NameChange& change) {
    return std::any_of(change.begin(), change.end(),
                       [&](const auto& entry) { return ParentDirectory(entry.first) == directory; });
  };
  std::vector<NameChange> later;
  for (NameChange& change : unsynced_names_) {
    if (touches(change)) {
      Apply(change, durable_names_);
    } else {
      later.push_back(std::move(change));
    }
  }
  unsynced_names_ = std::move(later);
  return DiskResult::kOk;
}

DiskResult MemoryDisk::MakeDirectories(absl::string_view path) {
  MutexLock lock(&mu_);
  if (is_off_) return DiskResult::kIoError;
  for (std::string at(path); !IsRoot(at); at = ParentDirectory(at)) {
    if (names_.find(at) != names_.end()) return DiskResult::kIoError;
    directories_.insert(at);
  }
  return DiskResult::kOk;
}

DiskResult MemoryDisk::List(absl::string_view directory, std::vector<std::string>* names) {
  MutexLock lock(&mu_);
  if (is_off_) return DiskResult::kIoError;
  if (!HasDirectory(directory)) return DiskResult::kNotFound;
  const std::string prefix = PrefixOf(directory);
  std::set<std::string> found;
  const auto take = [&](const std::string& path) {
    if (path.size() <= prefix.size() || !absl::StartsWith(path, prefix)) return;
    if (path.find('/', prefix.size()) == std::string::npos) found.insert(path.substr(prefix.size()));
  };
  for (const auto& [path, file] : names_) take(path);
  for (const std::string& path : directories_) take(path);
  names->assign(found.begin(), found.end());
  return DiskResult::kOk;
}

void MemoryDisk::ChangeNames(NameChange change) {
  Apply(change, names_);
  if (!is_frozen_) unsynced_names_.push_back(std::move(change));
}

void MemoryDisk::Apply(const NameChange& change, Names& names) {
  for (const auto& [path, file] : change) {
    if (file == nullptr) {
      names.erase(path);
    } else {
      names[path] = file;
    }
  }
}

bool MemoryDisk::HasDirectory(absl::string_view path) const {
  return IsRoot(path) || directories_.find(path) != directories_.end();
}

}  // namespace holdfast::storage
