#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"

// Time-ordered identifiers of 16 bytes (RFC 9562, version 7): request ids that are looked up in the order
// they were made. Any thread.
namespace holdfast {

std::string NewUuid7(Clock& clock, Random& random);

// 16 bytes with the version and variant bits of version 7.
bool IsUuid7(absl::string_view bytes);

// When it was made, to the millisecond, by its maker's clock. Requires IsUuid7(bytes).
absl::Time Uuid7Time(absl::string_view bytes);

// "018f3c1e-7a2b-7c3d-8e4f-..." Requires 16 bytes.
std::string UuidToString(absl::string_view bytes);

}  // namespace holdfast
