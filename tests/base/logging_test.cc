#include "base/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/executor.h"
#include "base/limits.h"
#include "base/log_format.h"
#include "base/log_output.h"
#include "base/log_repeats.h"
#include "tests/base/manual_clock.h"
#include "tests/base/recording_logger.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kNoon = absl::FromUnixMillis(1'769'860'800'123);  // 2026-01-31T12:00:00.123Z

std::string Json(std::initializer_list<LogField> fields) {
  const std::string line =
      FormatJson({LogLevel::kInfo, "c", "m", absl::MakeConstSpan(fields.begin(), fields.size())}, "n", kNoon);
  return line.substr(line.find("\"m\"") + 3);
}

TEST(LogFormatTest, WritesOneJsonObject) {
  const LogField fields[] = {
      {"upstream", "10.0.0.1:7401"}, {"silent_ms", 4000}, {"relay", true}, {"share", 0.5}};
  EXPECT_EQ(
      FormatJson({LogLevel::kWarning, "follower", "the upstream is silent", fields}, "dc1-a", kNoon),
      R"({"time":"2026-01-31T12:00:00.123Z","level":"warning","node":"dc1-a","component":"follower",)"
      R"("message":"the upstream is silent","upstream":"10.0.0.1:7401","silent_ms":4000,"relay":true,"share":0.5})");
}

TEST(LogFormatTest, EscapesWhatJsonForbids) {
  EXPECT_EQ(Json({{"v", "a\"b\\c\nd\te\x01"}}), R"(,"v":"a\"b\\c\nd\te\u0001"})");
  EXPECT_EQ(Json({{"v", std::numeric_limits<double>::infinity()}}), R"(,"v":null})");
}

TEST(LogFormatTest, KeepsUtf8AndReplacesOtherBytes) {
  EXPECT_EQ(Json({{"v", "Zürich 東京 😀"}}), ",\"v\":\"Zürich 東京 😀\"}");
  for (const char* bad : {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe6\x9d"}) {
    const std::string line = Json({{"v", bad}});
    EXPECT_THAT(line, HasSubstr("\xEF\xBF\xBD"));
    EXPECT_THAT(line, Not(HasSubstr(bad)));
  }
}

TEST(LogFormatTest, CutsLongTextAndSaysSo) {
  const std::string line = Json({{"v", std::string(kMaxLogTextBytes + 1, 'x')}});
  EXPECT_THAT(line, EndsWith("x...\"}"));
  EXPECT_LT(line.size(), kMaxLogTextBytes + 20);
}

TEST(LogFormatTest, WritesOneLineForPeople) {
  const LogField fields[] = {
      {"key", "a b"}, {"count", 3}, {"empty", ""}, {"path", "/x/y"}, {"break", "1\n2"}};
  EXPECT_EQ(
      FormatText({LogLevel::kError, "store", "the disk is full", fields}, "dc1-a", kNoon),
      "2026-01-31T12:00:00.123Z ERROR dc1-a store: the disk is full key=\"a b\" count=3 empty=\"\" path=/x/y "
      "break=\"1\\n2\"");
}

TEST(LogLevelTest, ReadsItsOwnNamesOnly) {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(ParseLogLevel(LogLevelName(level)), level);
  }
  EXPECT_EQ(ParseLogLevel("INFO"), std::nullopt);
  EXPECT_EQ(ParseLogLevel(""), std::nullopt);
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("text"), LogFormat::kText);
  EXPECT_EQ(ParseLogFormat("xml"), std::nullopt);
}

TEST(LoggerTest, PassesFieldsOfEveryKind) {
  RecordingLogger log;
  const std::string address = "a:1";
  log.Info("sender", "connected", {{"to", address}, {"attempt", uint64_t{2}}, {"tls", false}});
  log.Debug("sender", "quiet");
  EXPECT_THAT(log.lines(),
              ElementsAre("INFO sender: connected to=a:1 attempt=2 tls=false", "DEBUG sender: quiet"));
}

TEST(LoggerTest, TheNullLoggerTakesEverything) { NullLogger()->Error("c", "m", {{"k", 1}}); }

TEST(LogRepeatsTest, PassesTheFirstOfAStormAndCountsTheRest) {
  LogRepeats repeats;
  const LogEvent event{LogLevel::kWarning, "follower", "refused", {}};
  int passed_count = 0;
  for (int i = 0; i < 1000; ++i) passed_count += repeats.Admit(event, absl::Seconds(100)) ? 1 : 0;
  EXPECT_EQ(passed_count, LogRepeats::kMaxPerWindow);
  EXPECT_THAT(repeats.TakeDropped(absl::Seconds(100)), IsEmpty());  // the window has not ended

  const auto dropped = repeats.TakeDropped(repeats.next_end());
  ASSERT_THAT(dropped, SizeIs(1));
  EXPECT_EQ(dropped[0].message, "refused");
  EXPECT_EQ(dropped[0].count, 1000 - LogRepeats::kMaxPerWindow);
  EXPECT_TRUE(repeats.Admit(event, absl::Seconds(200)));
}

TEST(LogRepeatsTest, DoesNotMixKinds) {
  LogRepeats repeats;
  for (int i = 0; i < 100; ++i) repeats.Admit({LogLevel::kInfo, "a", "m", {}}, absl::ZeroDuration());
  EXPECT_TRUE(repeats.Admit({LogLevel::kInfo, "b", "m", {}}, absl::ZeroDuration()));
  EXPECT_TRUE(repeats.Admit({LogLevel::kInfo, "a", "n", {}}, absl::ZeroDuration()));
  EXPECT_TRUE(repeats.Admit({LogLevel::kError, "a", "m", {}}, absl::ZeroDuration()));
  EXPECT_FALSE(repeats.Admit({LogLevel::kInfo, "a", "m", {}}, absl::ZeroDuration()));
}

TEST(LogRepeatsTest, LetsFurtherKindsPassWhenItsTableIsFull) {
  LogRepeats repeats;
  for (size_t i = 0; i < kMaxLogKinds; ++i) {
    const std::string message = std::to_string(i);
    repeats.Admit({LogLevel::kInfo, "a", message, {}}, absl::ZeroDuration());
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(repeats.Admit({LogLevel::kInfo, "a", "one more", {}}, absl::ZeroDuration()));
  }
}

// What `act` makes a standard-error logger write, as lines.
template <typename Act>
std::vector<std::string> WrittenLines(LogOptions options, ManualClock* clock, Act act) {
  ::testing::internal::CaptureStderr();
  {
    const std::unique_ptr<Logger> log = MakeStandardErrorLogger(std::move(options), clock);
    act(log.get());
  }
  const std::string all = ::testing::internal::GetCapturedStderr();
  return absl::StrSplit(all, '\n', absl::SkipEmpty());
}

TEST(StandardErrorLoggerTest, WritesAllLinesInOrderBeforeItEnds) {
  ManualClock clock;
  const auto lines = WrittenLines({.node = "a1"}, &clock, [](Logger* log) {
    log->Debug("main", "below the level");
    log->Info("main", "started", {{"port", 7400}});
    log->Error("store", "failed", {{"errno", 28}});
  });
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0],
              EndsWith(R"("level":"info","node":"a1","component":"main","message":"started","port":7400})"));
  EXPECT_THAT(lines[1], EndsWith(R"("message":"failed","errno":28})"));
}

TEST(StandardErrorLoggerTest, WritesForPeopleWhenAsked) {
  ManualClock clock;
  const auto lines = WrittenLines({.node = "a1", .lowest = LogLevel::kDebug, .format = LogFormat::kText},
                                  &clock, [](Logger* log) { log->Debug("main", "100% {} done"); });
  EXPECT_THAT(lines, ElementsAre(EndsWith(" DEBUG a1 main: 100% {} done")));
}

TEST(StandardErrorLoggerTest, ThinsAStormAndSaysHowMuchItDropped) {
  ManualClock clock;
  const auto lines = WrittenLines({.node = "a1"}, &clock, [&](Logger* log) {
    for (int i = 0; i < 500; ++i) log->Warning("follower", "refused", {{"attempt", i}});
    clock.Advance(LogRepeats::kWindow);
    log->Info("main", "still here");
  });
  ASSERT_THAT(lines, SizeIs(LogRepeats::kMaxPerWindow + 2));
  EXPECT_THAT(lines[LogRepeats::kMaxPerWindow], HasSubstr(R"("message_repeated":"refused","count":490)"));
}

TEST(StandardErrorLoggerTest, SaysAtItsEndWhatItDropped) {
  ManualClock clock;
  const auto lines = WrittenLines({.node = "a1"}, &clock, [&](Logger* log) {
    for (int i = 0; i < 11; ++i) log->Warning("follower", "refused");
  });
  ASSERT_THAT(lines, SizeIs(LogRepeats::kMaxPerWindow + 1));
  EXPECT_THAT(lines.back(), HasSubstr(R"("count":1)"));
}

TEST(StandardErrorLoggerTest, TakesLinesFromManyThreads) {
  ManualClock clock;
  const auto lines = WrittenLines({.node = "a1"}, &clock, [](Logger* log) {
    ThreadExecutor one("one", RealClock());
    ThreadExecutor two("two", RealClock());
    for (int i = 0; i < 10; ++i) {
      one.Post([log, i] { log->Info("one", "line", {{"i", i}}); });
      two.Post([log, i] { log->Info("two", "line", {{"i", i}}); });
    }
    one.RunAndWait([] {});
    two.RunAndWait([] {});
  });
  EXPECT_THAT(lines, SizeIs(20));
}

}  // namespace
}  // namespace holdfast
