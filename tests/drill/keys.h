#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/random.h"

// What the drill writes: keys by number, and values that say which write of the journal made them. Any
// thread.
namespace holdfast::drill {

inline constexpr char kPrefix[] = "drill/";

// "drill/000042".
std::string KeyOf(int key);

// The number of such a key; nullopt for any other.
std::optional<int> KeyNumber(absl::string_view name);

// About as long as a configuration document's lines: 200 bytes.
std::string ValueOf(int key, int64_t write);

// The write that `value` names; nullopt if no write ever gave `key` this value, to the byte.
std::optional<int64_t> WriteOf(int key, absl::string_view value);

// A key to read or to write: every other time one of the first 50, so that both meet often.
int PickKey(Random& random, int key_count);

}  // namespace holdfast::drill
