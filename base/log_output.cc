#include "base/log_output.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <utility>
#include <vector>

#include "base/executor.h"
#include "base/limits.h"
#include "base/log_repeats.h"
#include "base/mutex.h"

namespace holdfast {
namespace {

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StandardErrorLogger : public Logger {
 public:
  StandardErrorLogger(LogOptions options, Clock* clock)
      : Logger(options.lowest),
        options_(std::move(options)),
        clock_(clock),
        thread_(std::make_shared<spdlog::details::thread_pool>(kMaxQueuedLogLines, 1,
                                                               [] { NameThisThread("log"); })),
        output_(std::make_shared<spdlog::async_logger>(
            "holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>(), thread_,
            spdlog::async_overflow_policy::overrun_oldest)) {
    output_->set_level(spdlog::level::trace);  // Logger has chosen already
    output_->set_pattern("%v");                // the line is complete when spdlog gets it
  }

  ~StandardErrorLogger() override {
    MutexLock lock(&mu_);
    ReportDropped(absl::InfiniteDuration());
  }

 private:
  void Write(const LogEvent& event) override {
    const absl::Duration now = clock_->SinceBoot();
    MutexLock lock(&mu_);
    if (now >= repeats_.next_end()) ReportDropped(now);
    if (repeats_.Admit(event, now)) Emit(event);
  }

  void ReportDropped(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const LogRepeats::Dropped& dropped : repeats_.TakeDropped(now)) {
      const LogField fields[] = {{"message_repeated", dropped.message}, {"count", dropped.count}};
      Emit({dropped.level, dropped.component, "lines of one kind were dropped", fields});
    }
    const size_t lost_count = thread_->overrun_counter();
    if (lost_count == reported_lost_count_) return;
    const LogField fields[] = {{"count", lost_count - reported_lost_count_}};
    reported_lost_count_ = lost_count;
    Emit({LogLevel::kWarning, "log", "lines were lost because the log's reader is slow", fields});
  }

  // Hands over one line; never waits for its reader.
  void Emit(const LogEvent& event) {
    const std::string line = options_.format == LogFormat::kJson
                                 ? FormatJson(event, options_.node, clock_->Now())
                                 : FormatText(event, options_.node, clock_->Now());
    output_->log(SpdlogLevel(event.level), spdlog::string_view_t(line.data(), line.size()));
  }

  const LogOptions options_;
  Clock* const clock_;
  const std::shared_ptr<spdlog::details::thread_pool>
      thread_;  // joined, after writing all, by its destructor
  const std::shared_ptr<spdlog::async_logger> output_;

  Mutex mu_;
  LogRepeats repeats_ ABSL_GUARDED_BY(mu_);
  size_t reported_lost_count_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace

std::unique_ptr<Logger> MakeStandardErrorLogger(LogOptions options, Clock* clock) {
  return std::make_unique<StandardErrorLogger>(std::move(options), clock);
}

}  // namespace holdfast
