#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/logging.h"

namespace holdfast {

enum class LogFormat { kJson, kText };

// "json", "text".
std::optional<LogFormat> ParseLogFormat(absl::string_view name);  // nullopt for anything else

// One line without its end. Pure; any thread. Text is cut after kMaxLogTextBytes; bytes that are not UTF-8
// become U+FFFD, so that every line is one valid JSON object:
//   {"time":"2026-01-31T12:00:00.123Z","level":"info","node":"a1","component":"follower","message":"...","key":1}
std::string FormatJson(const LogEvent& event, absl::string_view node, absl::Time now);

// The same for people, on one line: 2026-01-31T12:00:00.123Z WARNING a1 follower: message key=1 other="a b"
std::string FormatText(const LogEvent& event, absl::string_view node, absl::Time now);

}  // namespace holdfast
