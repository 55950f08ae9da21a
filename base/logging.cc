#include "base/logging.h"

namespace holdfast {
namespace {

constexpr LogLevel kLevels[] = {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError};

class ForgettingLogger : public Logger {
 public:
  ForgettingLogger() : Logger(LogLevel::kError) {}

 private:
  void Write(const LogEvent&) override {}
};

}  // namespace

absl::string_view LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

std::optional<LogLevel> ParseLogLevel(absl::string_view name) {
  for (LogLevel level : kLevels) {
    if (LogLevelName(level) == name) return level;
  }
  return std::nullopt;
}

Logger* NullLogger() {
  static ForgettingLogger* const logger = new ForgettingLogger;  // never destroyed, as RealClock
  return logger;
}

}  // namespace holdfast
