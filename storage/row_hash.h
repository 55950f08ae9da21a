#pragma once

#include <cstdint>
#include <initializer_list>

#include "absl/strings/string_view.h"
#include "base/digest.h"

// The 16 bytes that guard a row of data.db or node.db: everything the row says goes into them, links
// included, so that a flipped bit anywhere in it is found when it is read (I13). docs/formats/database.md.
// Any thread.
namespace holdfast::storage {

// What is stored beside a version of a key, in `current` and in `undo`: its RowHash (which is what the state
// digest sums), plus the hash of the numbers that only this replica knows, so that neither can be damaged
// unseen.
Digest128 GuardVersion(const Digest128& row_hash, int64_t superseded_revision, int64_t undo_id);

// For rows of every other table: XXH3-128 over the pieces, each with its length, and the numbers.
Digest128 GuardRow(std::initializer_list<int64_t> numbers, std::initializer_list<absl::string_view> pieces);

// The 16 bytes as they are stored, without an allocation.
struct DigestBytes {
  explicit DigestBytes(const Digest128& digest);
  absl::string_view view() const { return {bytes, sizeof(bytes)}; }
  char bytes[16];
};

// True if `stored` are the bytes of `digest`.
bool Matches(absl::string_view stored, const Digest128& digest);

}  // namespace holdfast::storage
