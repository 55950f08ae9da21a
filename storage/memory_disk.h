#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/random.h"
#include "storage/memory_file.h"

namespace holdfast::storage {

// What a fault or a hook is told of an operation.
enum class DiskOperation {
  kOpen,
  kCreate,
  kRead,
  kWrite,
  kTruncate,
  kSync,
  kRemove,
  kRename,
  kSyncDirectory,
  kClose  // for the hook only: it never fails
};
// What a disk answers.
enum class DiskResult { kOk, kNotFound, kExists, kNoSpace, kIoError };

// What is left after a crash.
enum class CrashMode {
  kKillProcess,   // everything written, synced or not
  kLoseUnsynced,  // only what was synced
  kTearUnsynced,  // what was synced, and any choice of the other 512-byte sectors and name changes
};

// Makes operations fail: of those that match, `pass_count` pass first, then `fail_count` fail.
struct DiskFault {
  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

  std::set<DiskOperation> operations;
  std::string path_suffix = "";  // empty: every file
  int64_t pass_count = 0;
  int64_t fail_count = 1;
  DiskResult error = DiskResult::kIoError;
};

// What a disk has done since it was made. A plain value.
struct DiskCounters {
  int64_t opens = 0;
  int64_t reads = 0;
  int64_t writes = 0;
  int64_t written_bytes = 0;
  int64_t syncs = 0;  // of files
  int64_t directory_syncs = 0;
  int64_t faults = 0;   // operations that AddFault made fail
  int64_t changes = 0;  // operations that could alter what a crash leaves; what PowerOffAfter counts
};

// A disk in memory that forgets what was not synced, for tests and the simulator: SQLite sees it through
// SqliteMemoryVfs, everything else through MemoryFileSystem. Deterministic: the same calls and the same
// Random leave the same bytes. Any thread; one lock for the whole disk. Must outlive every handle's use.
//
// Model: a file has durable bytes and a list of unsynced writes; names have a durable and a current state.
// A sync of a file does not make its name durable, SyncDirectory does. A sync that fails loses the writes it
// was to make durable, yet later reads still show them and later syncs succeed: what Linux does, and why a
// failed sync must never be retried.
class MemoryDisk {
 public:
  // Called before each operation, without the disk's lock: to slow it down, to count, to crash.
  using Hook = std::function<void(DiskOperation operation, absl::string_view path)>;

  MemoryDisk() = default;
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  // ---- Files ----

  struct OpenMode {
    bool create = false;     // if missing; its directory must exist
    bool exclusive = false;  // with create: kExists if it is there
  };
  DiskResult Open(absl::string_view path, OpenMode mode, std::shared_ptr<MemoryFile>* file, bool* created);
  // Fewer bytes than asked only at the end of the file.
  DiskResult Read(MemoryFile& file, int64_t offset, size_t size, char* out, size_t* got);
  // Without room, writes what fits and says kNoSpace.
  DiskResult Write(MemoryFile& file, int64_t offset, absl::string_view bytes);
  DiskResult Truncate(MemoryFile& file, int64_t size);
  DiskResult Sync(MemoryFile& file);
  DiskResult Size(const MemoryFile& file, int64_t* size);
  void Close(const MemoryFile& file);

  // ---- Names ----

  bool Exists(absl::string_view path);
  DiskResult SizeOf(absl::string_view path, int64_t* size);
  // A file, or an empty directory.
  DiskResult Remove(absl::string_view path);
  // Of files only; replaces a file at `to`.
  DiskResult Rename(absl::string_view from, absl::string_view to);
  DiskResult SyncDirectory(absl::string_view directory);
  // Durable at once.
  DiskResult MakeDirectories(absl::string_view path);
  DiskResult List(absl::string_view directory, std::vector<std::string>* names);
  int64_t FreeBytes();

  // ---- Misfortune ----

  // Ends the power-off or the freeze if there is one, decides by `mode` what is left, and makes every open
  // handle fail for ever. The disk can be used anew at once. `random` is drawn from only under kTearUnsynced.
  void Crash(CrashMode mode, Random& random);

  // Lets `changes` more changing operations through, then fails everything with kIoError until Crash.
  void PowerOffAfter(int64_t changes);
  bool is_off();

  // Lets `changes` more changing operations through, then fixes what Crash will find: what is done from there
  // on succeeds and is seen, but nothing of it survives. A crash in the middle of code that cannot be stopped
  // there and would end the process if a sync failed. `on_frozen` is called once, at that moment, without the
  // disk's lock.
  void FreezeAfter(int64_t changes, std::function<void()> on_frozen);
  bool is_frozen();

  void AddFault(DiskFault fault);
  void ClearFaults();

  // Room for `bytes` more than now, until lifted.
  void LimitRoom(int64_t bytes);
  void LiftLimit();

  // Flips one bit of a file, durably.
  void FlipBit(absl::string_view path, int64_t byte, int bit);

  void SetHook(Hook hook);
  DiskCounters counters();

 private:
  using Names = std::map<std::string, std::shared_ptr<MemoryFile>, std::less<>>;
  // A change of names that is not durable yet: each path now names that file, or none.
  using NameChange = std::vector<std::pair<std::string, std::shared_ptr<MemoryFile>>>;

  void FreezeIfDue(DiskOperation operation);
  DiskResult Enter(DiskOperation operation, absl::string_view path);
  DiskResult Admit(DiskOperation operation, absl::string_view path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  DiskResult InjectedFault(DiskOperation operation, absl::string_view path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Count(DiskOperation operation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ChangeNames(NameChange change) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasDirectory(absl::string_view path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int64_t UsedBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsStale(const MemoryFile& file) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return is_off_ || file.generation() != generation_;
  }
  static void Apply(const NameChange& change, Names& names);

  Mutex mu_;
  Hook hook_ ABSL_GUARDED_BY(mu_);
  Names names_ ABSL_GUARDED_BY(mu_);
  Names durable_names_ ABSL_GUARDED_BY(mu_);
  std::vector<NameChange> unsynced_names_ ABSL_GUARDED_BY(mu_);
  std::set<std::string, std::less<>> directories_ ABSL_GUARDED_BY(mu_);
  std::vector<DiskFault> faults_ ABSL_GUARDED_BY(mu_);
  int64_t capacity_bytes_ ABSL_GUARDED_BY(mu_) = DiskFault::kForever;
  int64_t power_off_at_ ABSL_GUARDED_BY(mu_) = DiskFault::kForever;  // in counters_.changes
  bool is_off_ ABSL_GUARDED_BY(mu_) = false;
  int64_t freeze_at_ ABSL_GUARDED_BY(mu_) = DiskFault::kForever;  // in counters_.changes
  std::function<void()> on_frozen_ ABSL_GUARDED_BY(mu_);
  bool is_frozen_ ABSL_GUARDED_BY(mu_) = false;
  int64_t generation_ ABSL_GUARDED_BY(mu_) = 0;  // grows with every crash; older handles are stale
  DiskCounters counters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::storage
