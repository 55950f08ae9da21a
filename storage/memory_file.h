#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/random.h"

namespace holdfast::storage {

// One file of a MemoryDisk: bytes that a crash leaves, and what was written since. Guarded by the disk's
// lock; holders use it only through MemoryDisk.
class MemoryFile {
 public:
  // `generation` is the disk's at its opening; `bytes` are durable.
  MemoryFile(absl::string_view path, int64_t generation, std::string bytes = "")
      : path_(path), generation_(generation), current_(bytes), durable_(std::move(bytes)) {}

  void Write(int64_t offset, absl::string_view bytes);
  void Truncate(int64_t size);
  // Everything written is durable.
  void Sync();
  // What was written since the last sync stays readable but will never be durable (a failed fsync).
  void ForgetUnsynced() { unsynced_.clear(); }

  // As above, but no crash will find it (MemoryDisk::FreezeAfter).
  void WriteInVain(int64_t offset, absl::string_view bytes);
  void TruncateInVain(int64_t size);

  // What is found after a kill: everything written, but not what was written in vain or lost by a failed
  // sync.
  std::string WrittenBytes() const;
  // What is found after a power cut that let any choice of the unsynced 512-byte sectors arrive.
  std::string TornBytes(Random& random) const;

  void FlipBit(int64_t byte, int bit);

  const std::string& bytes() const { return current_; }
  int64_t size() const { return static_cast<int64_t>(current_.size()); }
  const std::string& path() const { return path_; }
  const std::string& durable_bytes() const { return durable_; }
  int64_t generation() const { return generation_; }

 private:
  struct Change {
    bool is_truncation;
    int64_t offset;  // or the new size
    std::string bytes;
  };

  static void Apply(const Change& change, std::string& bytes);
  static void ApplyTorn(const Change& change, Random& random, std::string& bytes);

  const std::string path_;  // when it was created or last crashed; for faults and messages
  const int64_t generation_;
  std::string current_;
  std::string durable_;
  std::vector<Change> unsynced_;
};

}  // namespace holdfast::storage
