#include "storage/row_hash.h"

#include <cstring>

#include "base/check.h"

namespace holdfast::storage {
namespace {

// Little-endian, so that a database can move between machines.
char* PutNumber(char* out, int64_t number) {
  for (int i = 0; i < 8; ++i) *out++ = static_cast<char>(static_cast<uint64_t>(number) >> (8 * i));
  return out;
}

}  // namespace

Digest128 GuardVersion(const Digest128& row_hash, int64_t superseded_revision, int64_t undo_id) {
  char numbers[16];
  PutNumber(PutNumber(numbers, superseded_revision), undo_id);
  Digest128 guard = row_hash;
  guard += Hash128(absl::string_view(numbers, sizeof(numbers)));
  return guard;
}

Digest128 GuardRow(std::initializer_list<int64_t> numbers, std::initializer_list<absl::string_view> pieces) {
  // The sum of the pieces' own hashes would not see two of them trade places, so each is chained to the one
  // before.
  char block[16 * 8];
  HF_CHECK(numbers.size() <= 16, "a row of more numbers than the guard was made for");
  char* end = block;
  for (const int64_t number : numbers) end = PutNumber(end, number);
  Digest128 guard = Hash128(absl::string_view(block, static_cast<size_t>(end - block)));
  for (const absl::string_view piece : pieces) {
    const Digest128 hash = Hash128(piece);
    end = PutNumber(block, static_cast<int64_t>(guard.high));
    end = PutNumber(end, static_cast<int64_t>(guard.low));
    end = PutNumber(end, static_cast<int64_t>(piece.size()));
    end = PutNumber(end, static_cast<int64_t>(hash.high));
    end = PutNumber(end, static_cast<int64_t>(hash.low));
    guard = Hash128(absl::string_view(block, static_cast<size_t>(end - block)));
  }
  return guard;
}

DigestBytes::DigestBytes(const Digest128& digest) {
  for (int i = 0; i < 8; ++i) {
    bytes[7 - i] = static_cast<char>(digest.high >> (8 * i));
    bytes[15 - i] = static_cast<char>(digest.low >> (8 * i));
  }
}

bool Matches(absl::string_view stored, const Digest128& digest) {
  return stored == DigestBytes(digest).view();
}

}  // namespace holdfast::storage
