#include "storage/verified_pages.h"

namespace holdfast::storage {

VerifiedPages::~VerifiedPages() {
  for (const std::atomic<Part*>& part : parts_) delete part.load(std::memory_order_relaxed);
}

void VerifiedPages::Add(uint32_t page) {
  if (page / kPagesPerPart >= kParts) return;
  std::atomic<Part*>& slot = parts_[page / kPagesPerPart];
  Part* part = slot.load(std::memory_order_acquire);
  if (part == nullptr) {
    auto made = std::make_unique<Part>();
    if (slot.compare_exchange_strong(part, made.get(), std::memory_order_acq_rel)) part = made.release();
  }
  part->words[WordOf(page)].fetch_or(BitOf(page), std::memory_order_acq_rel);
}

void VerifiedPages::Remove(uint32_t page) {
  Part* const part = PartOf(page);
  if (part != nullptr) part->words[WordOf(page)].fetch_and(~BitOf(page), std::memory_order_acq_rel);
}

void VerifiedPages::RemoveFrom(uint32_t first) {
  for (uint32_t number = first / kPagesPerPart; number < kParts; ++number) {
    Part* const part = parts_[number].load(std::memory_order_acquire);
    if (part == nullptr) continue;
    const bool holds_first = number == first / kPagesPerPart;
    const uint32_t from = holds_first ? WordOf(first) : 0;
    if (holds_first) {
      part->words[from].fetch_and(BitOf(first) - 1, std::memory_order_acq_rel);
    } else {
      part->words[from].store(0, std::memory_order_release);
    }
    for (uint32_t word = from + 1; word < part->words.size(); ++word) {
      part->words[word].store(0, std::memory_order_release);
    }
  }
}

bool VerifiedPages::HasPageBytes(int page_bytes) {
  int told = page_bytes_.load(std::memory_order_relaxed);
  if (told == 0 && page_bytes_.compare_exchange_strong(told, page_bytes)) return true;
  return told == page_bytes;
}

}  // namespace holdfast::storage
