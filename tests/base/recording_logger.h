#pragma once

#include <string>
#include <vector>

#include "base/log_format.h"
#include "base/logging.h"
#include "base/mutex.h"

namespace holdfast {

// Keeps every line, formatted as text without time and node, for a test to look at. Any thread.
class RecordingLogger : public Logger {
 public:
  RecordingLogger() : Logger(LogLevel::kDebug) {}

  // "INFO follower: message key=1"
  std::vector<std::string> lines() {
    MutexLock lock(&mu_);
    return lines_;
  }

 private:
  void Write(const LogEvent& event) override {
    std::string line = FormatText(event, "-", absl::UnixEpoch());
    line.erase(0, line.find(' ') + 1);          // the time
    line.erase(line.find(" - "), sizeof("-"));  // the node
    MutexLock lock(&mu_);
    lines_.push_back(std::move(line));
  }

  Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast
