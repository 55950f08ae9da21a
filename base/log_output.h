#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log_format.h"
#include "base/logging.h"

namespace holdfast {

// How a daemon logs.
struct LogOptions {
  std::string node;  // the node_id that every line carries
  LogLevel lowest = LogLevel::kInfo;
  LogFormat format = LogFormat::kJson;
};

// Writes one line per event to standard error, through spdlog. Storms of one kind of line are thinned
// (base/log_repeats.h); what was dropped is said in a line of its own. A thread of its own ("log") writes, so
// a reader of the log that stalls stops nobody: beyond kMaxQueuedLogLines the oldest lines are lost, and
// counted. The destructor writes what is queued. `clock` must outlive the logger.
std::unique_ptr<Logger> MakeStandardErrorLogger(LogOptions options, Clock* clock);

}  // namespace holdfast
