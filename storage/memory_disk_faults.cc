// The part of MemoryDisk that goes wrong on demand.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "base/check.h"
#include "storage/memory_disk.h"

namespace holdfast::storage {
namespace {

bool Changes(DiskOperation operation) {
  return operation != DiskOperation::kOpen && operation != DiskOperation::kRead &&
         operation != DiskOperation::kClose;
}

std::string AfterCrash(const MemoryFile& file, CrashMode mode, bool was_frozen, Random& random) {
  switch (mode) {
    case CrashMode::kKillProcess:
      return was_frozen ? file.WrittenBytes() : file.bytes();
    case CrashMode::kLoseUnsynced:
      return file.durable_bytes();
    case CrashMode::kTearUnsynced:
      return file.TornBytes(random);
  }
  return "";
}

}  // namespace

DiskResult MemoryDisk::Enter(DiskOperation operation, absl::string_view path) {
  Hook hook;
  {
    MutexLock lock(&mu_);
    hook = hook_;
  }
  if (hook) hook(operation, path);
  FreezeIfDue(operation);
  MutexLock lock(&mu_);
  return Admit(operation, path);
}

void MemoryDisk::FreezeIfDue(DiskOperation operation) {
  std::function<void()> on_frozen;
  {
    MutexLock lock(&mu_);
    if (is_frozen_ || !Changes(operation) || counters_.changes < freeze_at_) return;
    is_frozen_ = true;
    on_frozen = std::move(on_frozen_);
  }
  if (on_frozen) on_frozen();
}

DiskResult MemoryDisk::Admit(DiskOperation operation, absl::string_view path) {
  if (is_off_) return DiskResult::kIoError;
  if (Changes(operation)) {
    if (counters_.changes >= power_off_at_) {
      is_off_ = true;
      return DiskResult::kIoError;
    }
    ++counters_.changes;
  }
  Count(operation);
  // What a crash will find is settled: the code goes on in vain, and nothing may lose anything more.
  return is_frozen_ ? DiskResult::kOk : InjectedFault(operation, path);
}

void MemoryDisk::Count(DiskOperation operation) {
  counters_.opens += operation == DiskOperation::kOpen;
  counters_.reads += operation == DiskOperation::kRead;
  counters_.writes += operation == DiskOperation::kWrite;
  counters_.syncs += operation == DiskOperation::kSync;
  counters_.directory_syncs += operation == DiskOperation::kSyncDirectory;
}

DiskResult MemoryDisk::InjectedFault(DiskOperation operation, absl::string_view path) {
  for (DiskFault& fault : faults_) {
    if (fault.operations.count(operation) == 0 || !absl::EndsWith(path, fault.path_suffix)) continue;
    if (fault.pass_count > 0) {
      --fault.pass_count;
    } else if (fault.fail_count > 0) {
      if (fault.fail_count != DiskFault::kForever) --fault.fail_count;
      ++counters_.faults;
      return fault.error;
    }
  }
  return DiskResult::kOk;
}

void MemoryDisk::Crash(CrashMode mode, Random& random) {
  MutexLock lock(&mu_);
  if (mode == CrashMode::kKillProcess) {
    for (const NameChange& change : unsynced_names_) Apply(change, durable_names_);
  } else if (mode == CrashMode::kTearUnsynced) {
    for (const NameChange& change : unsynced_names_) {
      if (random.Below(2) == 0) Apply(change, durable_names_);
    }
  }
  unsynced_names_.clear();
  ++generation_;
  // A file may have two names here, if one change of its names arrived and another did not.
  std::map<MemoryFile*, std::shared_ptr<MemoryFile>> successors;
  for (auto& [name, file] : durable_names_) {
    std::shared_ptr<MemoryFile>& next = successors[file.get()];
    if (next == nullptr)
      next = std::make_shared<MemoryFile>(name, generation_, AfterCrash(*file, mode, is_frozen_, random));
    file = next;
  }
  names_ = durable_names_;
  is_off_ = false;
  power_off_at_ = DiskFault::kForever;
  is_frozen_ = false;
  freeze_at_ = DiskFault::kForever;
  on_frozen_ = nullptr;
}

void MemoryDisk::PowerOffAfter(int64_t changes) {
  MutexLock lock(&mu_);
  power_off_at_ = counters_.changes + changes;
}

void MemoryDisk::FreezeAfter(int64_t changes, std::function<void()> on_frozen) {
  MutexLock lock(&mu_);
  freeze_at_ = counters_.changes + changes;
  on_frozen_ = std::move(on_frozen);
}

bool MemoryDisk::is_frozen() {
  MutexLock lock(&mu_);
  return is_frozen_;
}

bool MemoryDisk::is_off() {
  MutexLock lock(&mu_);
  return is_off_;
}

void MemoryDisk::AddFault(DiskFault fault) {
  MutexLock lock(&mu_);
  faults_.push_back(std::move(fault));
}

void MemoryDisk::ClearFaults() {
  MutexLock lock(&mu_);
  faults_.clear();
}

void MemoryDisk::LimitRoom(int64_t bytes) {
  MutexLock lock(&mu_);
  capacity_bytes_ = UsedBytes() + bytes;
}

void MemoryDisk::LiftLimit() {
  MutexLock lock(&mu_);
  capacity_bytes_ = DiskFault::kForever;
}

int64_t MemoryDisk::FreeBytes() {
  MutexLock lock(&mu_);
  if (capacity_bytes_ == DiskFault::kForever) return capacity_bytes_;
  return std::max<int64_t>(0, capacity_bytes_ - UsedBytes());
}

int64_t MemoryDisk::UsedBytes() const {
  int64_t used = 0;
  for (const auto& [name, file] : names_) used += file->size();
  return used;
}

void MemoryDisk::FlipBit(absl::string_view path, int64_t byte, int bit) {
  MutexLock lock(&mu_);
  const auto it = names_.find(path);
  HF_CHECK(it != names_.end() && byte < it->second->size(), "no such byte to damage");
  it->second->FlipBit(byte, bit);
}

void MemoryDisk::SetHook(Hook hook) {
  MutexLock lock(&mu_);
  hook_ = std::move(hook);
}

DiskCounters MemoryDisk::counters() {
  MutexLock lock(&mu_);
  return counters_;
}

}  // namespace holdfast::storage
