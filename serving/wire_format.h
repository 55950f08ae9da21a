#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// The few pieces of protobuf's wire format (protobuf.dev, "Encoding") that the watch path writes by hand,
// because it puts encoded pieces together instead of building messages. Pure; any thread.
namespace holdfast::serving::wire {

inline void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline size_t VarintSize(uint64_t value) {
  size_t size = 1;
  for (; value >= 0x80; value >>= 7) ++size;
  return size;
}

// Field numbers up to 15 only: one tag byte.
inline void AppendLengthTag(std::string& out, int field, size_t length) {
  out.push_back(static_cast<char>(field << 3 | 2));
  AppendVarint(out, length);
}

inline void AppendBytes(std::string& out, int field, absl::string_view bytes) {
  AppendLengthTag(out, field, bytes.size());
  out.append(bytes.data(), bytes.size());
}

inline size_t BytesSize(size_t size) { return 1 + VarintSize(size) + size; }

// As proto3: zero is not written.
inline void AppendNumber(std::string& out, int field, uint64_t value) {
  if (value == 0) return;
  out.push_back(static_cast<char>(field << 3));
  AppendVarint(out, value);
}

inline size_t NumberSize(uint64_t value) { return value == 0 ? 0 : 1 + VarintSize(value); }

}  // namespace holdfast::serving::wire
