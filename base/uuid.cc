#include "base/uuid.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast {
namespace {

constexpr size_t kUuidBytes = 16;

uint8_t ByteAt(absl::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

}  // namespace

std::string NewUuid7(Clock& clock, Random& random) {
  std::string bytes(kUuidBytes, '\0');
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(clock.Now()));
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<char>(millis >> (40 - 8 * i));
  const uint64_t high = random.Next64();
  const uint64_t low = random.Next64();
  bytes[6] = static_cast<char>(0x70 | (high & 0x0f));
  bytes[7] = static_cast<char>(high >> 8);
  for (int i = 0; i < 8; ++i) bytes[8 + i] = static_cast<char>(low >> (8 * i));
  bytes[8] = static_cast<char>(0x80 | (bytes[8] & 0x3f));
  return bytes;
}

bool IsUuid7(absl::string_view bytes) {
  return bytes.size() == kUuidBytes && ByteAt(bytes, 6) >> 4 == 7 && ByteAt(bytes, 8) >> 6 == 2;
}

absl::Time Uuid7Time(absl::string_view bytes) {
  int64_t millis = 0;
  for (size_t i = 0; i < 6; ++i) millis = millis << 8 | ByteAt(bytes, i);
  return absl::FromUnixMillis(millis);
}

std::string UuidToString(absl::string_view bytes) {
  HF_CHECK(bytes.size() == kUuidBytes, "a UUID has 16 bytes");
  const std::string hex = absl::BytesToHexString(bytes);
  const absl::string_view view = hex;
  return absl::StrCat(view.substr(0, 8), "-", view.substr(8, 4), "-", view.substr(12, 4), "-",
                      view.substr(16, 4), "-", view.substr(20));
}

}  // namespace holdfast
