#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"

namespace holdfast::storage {

// A page may rot after it was found right: so often everything is forgotten and compared anew.
inline constexpr absl::Duration kRecheckPagesAfter = absl::Minutes(10);

// Which pages of one database file were found to match their checksum since they were last written: one bit a
// page, shared by all connections of the process to that file. A set bit lets a mapped read skip the hash, so
// asking costs one load. Any thread; no locks.
//
// Writing is announced before and after, so that a reader which saw half a page can tell a write in progress
// from damage.
class VerifiedPages {
 public:
  VerifiedPages() = default;
  VerifiedPages(const VerifiedPages&) = delete;
  VerifiedPages& operator=(const VerifiedPages&) = delete;
  ~VerifiedPages();

  // Page numbers count from 1 as SQLite's do. Pages beyond what the map covers are never verified.
  bool Contains(uint32_t page) const {
    const Part* const part = PartOf(page);
    return part != nullptr && (part->words[WordOf(page)].load(std::memory_order_acquire) & BitOf(page)) != 0;
  }
  void Add(uint32_t page);
  void Remove(uint32_t page);
  // Pages from `first` on.
  void RemoveFrom(uint32_t first);
  void Clear() { RemoveFrom(1); }

  // The size of this file's pages: the first that is told. False if another was told before.
  bool HasPageBytes(int page_bytes);
  int page_bytes() const { return page_bytes_.load(std::memory_order_relaxed); }

  // Around each change of the file.
  void BeginWrite() { writes_begun_.fetch_add(1, std::memory_order_acq_rel); }
  void EndWrite() { writes_ended_.fetch_add(1, std::memory_order_acq_rel); }

  // A point in the sequence of writes; WasQuietSince says that no write was under way then or came since.
  uint64_t Now() const { return writes_begun_.load(std::memory_order_acquire); }
  bool WasQuietSince(uint64_t then) const {
    return writes_ended_.load(std::memory_order_acquire) == then && Now() == then;
  }

 private:
  static constexpr uint32_t kPagesPerPart = 1 << 18;  // 1 GiB of 4 KiB pages in 32 KiB of bits
  static constexpr uint32_t kParts = 1 << 10;
  struct Part {
    std::array<std::atomic<uint64_t>, kPagesPerPart / 64> words{};
  };

  static uint32_t WordOf(uint32_t page) { return page % kPagesPerPart / 64; }
  static uint64_t BitOf(uint32_t page) { return uint64_t{1} << (page % 64); }
  Part* PartOf(uint32_t page) const {
    const uint32_t part = page / kPagesPerPart;
    return part < kParts ? parts_[part].load(std::memory_order_acquire) : nullptr;
  }

  std::array<std::atomic<Part*>, kParts> parts_{};  // made on first use, freed with this
  std::atomic<int> page_bytes_{0};
  std::atomic<uint64_t> writes_begun_{0};
  std::atomic<uint64_t> writes_ended_{0};
};

}  // namespace holdfast::storage
