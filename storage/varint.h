#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::storage {

// Base-128 numbers, least significant group first, as protobuf writes them. Negative numbers take ten bytes.
inline void PutVarint(std::string& out, int64_t number) {
  uint64_t rest = static_cast<uint64_t>(number);
  for (; rest >= 0x80; rest >>= 7) out.push_back(static_cast<char>(rest | 0x80));
  out.push_back(static_cast<char>(rest));
}

// Takes one number from the front of `in`; false if there is none.
inline bool TakeVarint(absl::string_view& in, int64_t* number) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const uint8_t byte = static_cast<uint8_t>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) {
      *number = static_cast<int64_t>(value);
      return true;
    }
  }
  return false;
}

// Bytes with their length before them.
inline void PutBytes(std::string& out, absl::string_view bytes) {
  PutVarint(out, static_cast<int64_t>(bytes.size()));
  out.append(bytes.data(), bytes.size());
}

inline bool TakeBytes(absl::string_view& in, absl::string_view* bytes) {
  int64_t size = 0;
  if (!TakeVarint(in, &size) || size < 0 || static_cast<uint64_t>(size) > in.size()) return false;
  *bytes = in.substr(0, static_cast<size_t>(size));
  in.remove_prefix(static_cast<size_t>(size));
  return true;
}

}  // namespace holdfast::storage
