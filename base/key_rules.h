#pragma once

#include "absl/strings/string_view.h"

// What a configuration key must be (DESIGN 3): `/`-separated UTF-8, nothing normalised. Servers refuse by it,
// and the command line checks an import by it before anything is sent. Pure; any thread.
namespace holdfast {

// The cluster's own keys: anyone reads them, only the cluster's own records write them.
inline constexpr absl::string_view kReservedKeyPrefix = "_holdfast/";

// Empty for a key that can exist: 1 to kMaxKeyBytes bytes of valid UTF-8, no control character (U+0000 to
// U+001F, U+007F to U+009F), no segment `.` or `..`. Else what it must be, such as "must be valid UTF-8".
absl::string_view KeyFault(absl::string_view key);

// Whether `text` is well-formed UTF-8 without control characters other than tab, line feed and carriage
// return: something to show.
bool IsPlainText(absl::string_view text);

}  // namespace holdfast
