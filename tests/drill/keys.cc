#include "tests/drill/keys.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace holdfast::drill {
namespace {

constexpr size_t kValueBytes = 200;
constexpr int kOftenUsed = 50;

}  // namespace

std::string KeyOf(int key) { return absl::StrFormat("%s%06d", kPrefix, key); }

std::optional<int> KeyNumber(absl::string_view name) {
  int key = 0;
  if (!absl::ConsumePrefix(&name, kPrefix) || !absl::SimpleAtoi(name, &key)) return std::nullopt;
  return key;
}

std::string ValueOf(int key, int64_t write) {
  std::string value = absl::StrFormat("%d of key %d ", write, key);
  while (value.size() < kValueBytes) value.push_back(static_cast<char>('a' + (value.size() + write) % 26));
  return value;
}

std::optional<int64_t> WriteOf(int key, absl::string_view value) {
  int64_t write = 0;
  if (!absl::SimpleAtoi(value.substr(0, value.find(' ')), &write) || write < 0) return std::nullopt;
  if (value != ValueOf(key, write)) return std::nullopt;
  return write;
}

int PickKey(Random& random, int key_count) {
  const int among = random.Below(2) == 0 ? std::min(kOftenUsed, key_count) : key_count;
  return static_cast<int>(random.Below(static_cast<uint64_t>(among)));
}

}  // namespace holdfast::drill
