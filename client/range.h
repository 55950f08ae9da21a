#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace holdfast::client {

// The end of the range of all keys that begin with `prefix`, as the protos take it: the prefix with its last
// byte raised, or a single zero byte (to the end of all keys) where there is no such end.
std::string PrefixEnd(absl::string_view prefix);

// Sets key and range_end of a List, Watch or History request to all keys with `prefix`; an empty prefix means
// all keys.
template <typename Request>
void SetPrefix(Request& request, absl::string_view prefix) {
  // The empty key is below every key, but is no key: the range begins at the least byte that is.
  request.set_key(prefix.empty() ? std::string(1, '\0') : std::string(prefix));
  request.set_range_end(PrefixEnd(prefix));
}

}  // namespace holdfast::client
