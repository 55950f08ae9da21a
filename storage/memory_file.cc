#include "storage/memory_file.h"

#include <algorithm>

namespace holdfast::storage {
namespace {

constexpr int64_t kSectorBytes = 512;

void WriteInto(std::string& target, int64_t offset, absl::string_view bytes) {
  const size_t end = static_cast<size_t>(offset) + bytes.size();
  if (target.size() < end) target.resize(end, '\0');
  std::copy(bytes.begin(), bytes.end(), target.begin() + offset);
}

}  // namespace

void MemoryFile::Write(int64_t offset, absl::string_view bytes) {
  WriteInto(current_, offset, bytes);
  unsynced_.push_back({false, offset, std::string(bytes)});
}

void MemoryFile::Truncate(int64_t size) {
  current_.resize(static_cast<size_t>(size), '\0');
  unsynced_.push_back({true, size, ""});
}

void MemoryFile::Sync() {
  for (const Change& change : unsynced_) Apply(change, durable_);
  unsynced_.clear();
}

void MemoryFile::WriteInVain(int64_t offset, absl::string_view bytes) { WriteInto(current_, offset, bytes); }

void MemoryFile::TruncateInVain(int64_t size) { current_.resize(static_cast<size_t>(size), '\0'); }

std::string MemoryFile::WrittenBytes() const {
  std::string bytes = durable_;
  for (const Change& change : unsynced_) Apply(change, bytes);
  return bytes;
}

std::string MemoryFile::TornBytes(Random& random) const {
  std::string bytes = durable_;
  for (const Change& change : unsynced_) ApplyTorn(change, random, bytes);
  return bytes;
}

void MemoryFile::FlipBit(int64_t byte, int bit) {
  for (std::string* bytes : {&current_, &durable_}) {
    if (byte < static_cast<int64_t>(bytes->size())) (*bytes)[byte] ^= static_cast<char>(1 << bit);
  }
}

void MemoryFile::Apply(const Change& change, std::string& bytes) {
  if (change.is_truncation) {
    bytes.resize(static_cast<size_t>(change.offset), '\0');
  } else {
    WriteInto(bytes, change.offset, change.bytes);
  }
}

// Each sector that the write touches arrives or not, whatever its neighbours and its predecessors do.
void MemoryFile::ApplyTorn(const Change& change, Random& random, std::string& bytes) {
  if (change.is_truncation) {
    if (random.Below(2) == 0) Apply(change, bytes);
    return;
  }
  const int64_t end = change.offset + static_cast<int64_t>(change.bytes.size());
  for (int64_t from = change.offset; from < end;) {
    const int64_t to = std::min(end, (from / kSectorBytes + 1) * kSectorBytes);
    const absl::string_view piece = absl::string_view(change.bytes).substr(from - change.offset, to - from);
    if (random.Below(2) == 0) WriteInto(bytes, from, piece);
    from = to;
  }
}

}  // namespace holdfast::storage
