#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What ConfigService takes as a key (DESIGN 3): `/`-separated UTF-8, nothing normalised. The store itself
// keeps any bytes. Pure; any thread.
namespace holdfast::serving {

// OK for a key that can exist: 1 to kMaxKeyBytes bytes of valid UTF-8, no control character (U+0000 to
// U+001F, U+007F to U+009F), no segment `.` or `..`. INVALID_KEY names key and limit.
absl::Status CheckKey(absl::string_view key);

// As CheckKey, and not below kReservedKeyPrefix (base/key_rules.h).
absl::Status CheckWritableKey(absl::string_view key);

// OK for a range as ListRequest describes it. The bounds of a range need not be keys (a prefix's end need not
// be UTF-8, the beginning of everything is empty or one zero byte); they are bounded in length. A single key
// (`range_end` empty) is a key.
absl::Status CheckRange(absl::string_view key, absl::string_view range_end);

// As CheckRange, and the range is not empty: a watch on nothing would be silent for ever. INVALID_REQUEST
// (range_end).
absl::Status CheckNonEmptyRange(absl::string_view key, absl::string_view range_end);

}  // namespace holdfast::serving
