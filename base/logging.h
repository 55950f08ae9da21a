#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// Log lines as data: a constant message and named fields, so that a machine reads them and lines of one kind
// can be counted. Nothing logs instead of returning an error.
//
//   log->Warning("follower", "the upstream is silent", {{"upstream", address}, {"silent_ms", 4000}});
namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// "debug", "info", "warning", "error".
absl::string_view LogLevelName(LogLevel level);
std::optional<LogLevel> ParseLogLevel(absl::string_view name);  // nullopt for anything else

// A field's value. Text is borrowed for the duration of the call that logs it.
struct LogValue {
  LogValue(absl::string_view text) : value(text) {}                  // NOLINT(google-explicit-constructor)
  LogValue(const char* text) : LogValue(absl::string_view(text)) {}  // NOLINT
  LogValue(const std::string& text) : LogValue(absl::string_view(text)) {}  // NOLINT
  LogValue(bool truth) : value(truth) {}                                    // NOLINT
  LogValue(double number) : value(number) {}                                // NOLINT
  template <std::integral Integer>
  LogValue(Integer number) : value(static_cast<int64_t>(number)) {}  // NOLINT

  std::variant<absl::string_view, bool, double, int64_t> value;
};

// What varies in a line, by name. Borrows both.
struct LogField {
  absl::string_view key;
  LogValue value;
};

// One line before it is formatted. Borrows everything.
struct LogEvent {
  LogLevel level = LogLevel::kInfo;
  absl::string_view component;  // the class or folder that speaks: "follower"
  absl::string_view message;    // constant text: what varies is a field
  absl::Span<const LogField> fields;
};

// Where lines go. Handed down as a pointer from the composition root; there is no global one. Any thread; a
// call never waits for the reader of the log.
class Logger {
 public:
  virtual ~Logger() = default;

  void Debug(absl::string_view component, absl::string_view message,
             std::initializer_list<LogField> fields = {}) {
    Log({LogLevel::kDebug, component, message, absl::MakeConstSpan(fields.begin(), fields.size())});
  }
  void Info(absl::string_view component, absl::string_view message,
            std::initializer_list<LogField> fields = {}) {
    Log({LogLevel::kInfo, component, message, absl::MakeConstSpan(fields.begin(), fields.size())});
  }
  void Warning(absl::string_view component, absl::string_view message,
               std::initializer_list<LogField> fields = {}) {
    Log({LogLevel::kWarning, component, message, absl::MakeConstSpan(fields.begin(), fields.size())});
  }
  void Error(absl::string_view component, absl::string_view message,
             std::initializer_list<LogField> fields = {}) {
    Log({LogLevel::kError, component, message, absl::MakeConstSpan(fields.begin(), fields.size())});
  }

  void Log(const LogEvent& event) {
    if (event.level >= lowest_) Write(event);
  }

 protected:
  // Lines below `lowest` cost a comparison.
  explicit Logger(LogLevel lowest) : lowest_(lowest) {}

 private:
  virtual void Write(const LogEvent& event) = 0;

  const LogLevel lowest_;
};

// Forgets every line. Lives as long as the process; for tests and the simulator.
Logger* NullLogger();

}  // namespace holdfast
