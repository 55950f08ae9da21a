#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast {

// SHA-256 of the previous record's chain hash and a record's exact stored bytes; all zero before the first
// record (DESIGN 1). A plain value.
struct ChainHash {
  std::array<uint8_t, 32> bytes{};

  std::string ToHex() const;
  absl::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  static std::optional<ChainHash> FromBytes(absl::string_view bytes);  // nullopt unless 32 bytes
  bool operator==(const ChainHash&) const = default;
};

// hash = SHA-256(previous || record). Thread-safe; keeps one EVP context per thread.
ChainHash NextChainHash(const ChainHash& previous, absl::string_view record);

// SHA-256 of bytes that come in pieces. One thread; moves, does not copy.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;

  void Add(absl::string_view bytes);
  // Of everything added. Call once, last.
  std::array<uint8_t, 32> Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// SHA-256 of one piece of bytes (snapshot chunks, manifests).
std::array<uint8_t, 32> Sha256(absl::string_view bytes);

// An unsigned 128-bit number: a row hash, or a sum of row hashes modulo 2^128. A plain value.
struct Digest128 {
  uint64_t high = 0;
  uint64_t low = 0;

  Digest128& operator+=(const Digest128& other);
  Digest128& operator-=(const Digest128& other);
  std::string ToHex() const;                                           // 32 digits
  std::string ToBytes() const;                                         // 16 bytes, big-endian
  static std::optional<Digest128> FromBytes(absl::string_view bytes);  // nullopt unless 16 bytes
  bool operator==(const Digest128&) const = default;
};

// XXH3-128 of a live key's (key, create_revision, mod_revision, version, value), lengths included, so that no
// two fields can trade bytes. Stored with the row and checked on every read (I13).
Digest128 RowHash(absl::string_view key, int64_t create_revision, int64_t mod_revision, int64_t version,
                  absl::string_view value);

// XXH3-128 of any bytes (request contents).
Digest128 Hash128(absl::string_view bytes);

}  // namespace holdfast
