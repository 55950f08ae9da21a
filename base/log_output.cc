#include "base/log_output.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <deque>
#include <utility>
#include <vector>

#include "base/check.h"
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
        output_("holdfast", std::make_shared<spdlog::sinks::stderr_sink_st>()),
        writer_("log", 1, 1) {
    output_.set_level(spdlog::level::trace);  // Logger has chosen already
    output_.set_pattern("%v");                // the line is complete when spdlog gets it
  }

  ~StandardErrorLogger() override {
    {
      MutexLock lock(&mu_);
      ReportDropped(absl::InfiniteDuration());
      idle_.Wait(&mu_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !writing_; });
    }
    writer_.Shutdown();
  }

 private:
  struct Line {
    LogLevel level;
    std::string text;
  };

  void Write(const LogEvent& event) override {
    const absl::Duration now = clock_->SinceBoot();
    MutexLock lock(&mu_);
    if (now >= repeats_.next_end()) ReportDropped(now);
    if (repeats_.Admit(event, now)) Queue(event);
  }

  void ReportDropped(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    for (const LogRepeats::Dropped& dropped : repeats_.TakeDropped(now)) {
      const LogField fields[] = {{"message_repeated", dropped.message}, {"count", dropped.count}};
      Queue({dropped.level, dropped.component, "lines of one kind were dropped", fields});
    }
  }

  // Hands a line to the writer. When too many wait, the oldest goes.
  void Queue(const LogEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (queue_.size() >= kMaxQueuedLogLines) {
      queue_.pop_front();
      ++lost_count_;
    }
    queue_.push_back({event.level, Format(event)});
    if (writing_) return;
    writing_ = writer_.TryPost([this] { WriteQueued(); });
    HF_CHECK(writing_, "the log's writer refuses its only task");
  }

  // On the writer's thread: writes until nothing waits.
  void WriteQueued() {
    for (;;) {
      std::deque<Line> lines;
      {
        MutexLock lock(&mu_);
        lines.swap(queue_);
        if (lost_count_ > 0) {
          const LogField fields[] = {{"count", lost_count_}};
          lines.push_front({LogLevel::kWarning, Format({LogLevel::kWarning, "log",
                                                        "the reader is slow; lines are lost", fields})});
          lost_count_ = 0;
        }
        if (lines.empty()) {
          writing_ = false;
          idle_.NotifyAll();
          return;
        }
      }
      for (const Line& line : lines) {
        output_.log(SpdlogLevel(line.level), spdlog::string_view_t(line.text.data(), line.text.size()));
      }
    }
  }

  std::string Format(const LogEvent& event) const {
    return options_.format == LogFormat::kJson ? FormatJson(event, options_.node, clock_->Now())
                                               : FormatText(event, options_.node, clock_->Now());
  }

  const LogOptions options_;
  Clock* const clock_;
  spdlog::logger output_;  // the writer's

  Mutex mu_;
  CondVar idle_;
  LogRepeats repeats_ ABSL_GUARDED_BY(mu_);
  std::deque<Line> queue_ ABSL_GUARDED_BY(mu_);
  int64_t lost_count_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;  // a task of the writer is on its way or running

  WorkerPool writer_;
};

}  // namespace

std::unique_ptr<Logger> MakeStandardErrorLogger(LogOptions options, Clock* clock) {
  return std::make_unique<StandardErrorLogger>(std::move(options), clock);
}

}  // namespace holdfast
