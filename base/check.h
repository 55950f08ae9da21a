#pragma once

#include "absl/strings/string_view.h"

namespace holdfast {

// Prints `message` with its place to standard error and aborts. For our own mistakes and broken invariants:
// one crashed node is recoverable, divergence is not (DESIGN 9). Stays on in every build.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, absl::string_view message);

}  // namespace holdfast

#define HF_CHECK(condition, message)                                                      \
  do {                                                                                    \
    if (!(condition)) ::holdfast::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
  } while (false)
