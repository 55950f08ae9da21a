// What the drill reports: every fault makes the run fail, and both forms say the figures that are promised.
#include "tests/drill/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/json_value.h"
#include "admin/table.h"
#include "tests/drill/judge_run.h"
#include "tests/drill/summary.h"

namespace holdfast::drill {
namespace {

using ::testing::HasSubstr;

Outcome Good() {
  Outcome outcome;
  outcome.seed = 7;
  outcome.loss = "cut";
  outcome.lost = "dc1";
  outcome.keys = 100'000;
  outcome.proxies = 8;
  outcome.reads = 123'456;
  outcome.read_gap_ms = {{"dc2-p1", 12.5}, {"dc2-p2", 40}};
  outcome.commits_acknowledged = 1'234;
  outcome.verdict = "PROVEN 0";
  outcome.promote_seconds = 1.25;
  outcome.rejoined = true;
  outcome.digests_equal = true;
  outcome.failed_back = true;
  outcome.switchovers.push_back({"dc1-a", 0.25, 0.5, 0.125, 1, {{"drain", 12.5}}, ""});
  return outcome;
}

TEST(OutcomeTest, EveryFaultMakesTheRunFail) {
  EXPECT_TRUE(Good().passed());
  Outcome stays = Good();
  stays.fail_back = stays.failed_back = false;
  EXPECT_TRUE(stays.passed());
  const std::vector<std::function<void(Outcome&)>> faults = {
      [](Outcome& one) { one.read_errors = 1; },
      [](Outcome& one) { one.reads_wrong = 1; },
      [](Outcome& one) { one.commits_lost = 1; },
      [](Outcome& one) { one.commits_wrong = 1; },
      [](Outcome& one) { one.watch_events_missing = 1; },
      [](Outcome& one) { one.watch_events_repeated = 1; },
      [](Outcome& one) { one.watch_events_wrong = 1; },
      [](Outcome& one) { one.watch_rewinds = 1; },
      [](Outcome& one) { one.commits_after_promises = 1; },
      [](Outcome& one) { one.orphans_missing = 1; },
      [](Outcome& one) { one.cut_off = true; },
      [](Outcome& one) { one.switchovers_asked = 2; },
      [](Outcome& one) { one.digests_equal = false; },
      [](Outcome& one) { one.rejoined = false; },
      [](Outcome& one) { one.failed_back = false; },
      [](Outcome& one) { one.findings = {"something else"}; },
      [](Outcome& one) { one.error = "stopped"; }};
  for (size_t i = 0; i < faults.size(); ++i) {
    Outcome outcome = Good();
    faults[i](outcome);
    EXPECT_FALSE(outcome.passed()) << "fault " << i;
  }
}

TEST(OutcomeTest, ACutThatOrphansNothingShowsNothing) {
  Outcome cut = Good();
  cut.cut_off = true;
  EXPECT_FALSE(cut.passed());
  cut.orphans = 1;
  EXPECT_TRUE(cut.passed());
}

TEST(OutcomeTest, WithoutALossNobodyNeedRejoin) {
  Outcome switched = Good();
  switched.lost.clear();
  switched.rejoined = switched.fail_back = switched.failed_back = false;
  switched.switchovers_asked = 2;
  EXPECT_FALSE(switched.passed());
  switched.switchovers.push_back({"dc2-a", 0.75, std::nullopt, std::nullopt, 1, {}, ""});
  EXPECT_TRUE(switched.passed());
  EXPECT_EQ(switched.switchover_pause_seconds(), 0.5);
  EXPECT_EQ(switched.longest_switchover_pause_seconds(), 0.75);
}

TEST(OutcomeTest, TheJsonIsOneLineWithEveryPromisedMember) {
  const std::string text = ToJson(Good());
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = admin::ParseJson("outcome", text);
  ASSERT_TRUE(json.ok()) << json.status();
  for (const char* const name : {"reads",
                                 "read_errors",
                                 "max_read_gap_ms",
                                 "commits_acknowledged",
                                 "commits_lost",
                                 "promote_seconds",
                                 "commit_outage_seconds",
                                 "slowest_proxy_seconds",
                                 "watch_events_missing",
                                 "watch_events_repeated",
                                 "digests_equal",
                                 "failed_back",
                                 "seed",
                                 "loss",
                                 "lost",
                                 "keys",
                                 "proxies",
                                 "verdict",
                                 "directory",
                                 "look_at",
                                 "switchovers",
                                 "switchover_pause_seconds",
                                 "fence_seconds",
                                 "orphans_missing",
                                 "commit_failures",
                                 "commits_after_promises"}) {
    EXPECT_NE(admin::Member(*json, name), nullptr) << name;
  }
  EXPECT_EQ(admin::NumberOf(*json, "max_read_gap_ms"), 40);
  // What was not measured is not a number.
  EXPECT_TRUE(admin::Member(*json, "commit_outage_seconds")->has_null_value());
}

TEST(OutcomeTest, TheReportFitsInAHundredColumns) {
  Outcome outcome = Good();
  outcome.findings = {std::string(300, 'x')};
  outcome.commit_outage_seconds = outcome.client_outage_seconds = outcome.slowest_proxy_seconds = 123.45;
  outcome.cut_off = true;
  outcome.fence_seconds = 1;
  outcome.commit_failures = {{"COMMIT_UNKNOWN", 3}, {"NO_PRIMARY", 12}};
  const std::string text = ToText(outcome) + Summary({outcome, Good()}, true).ToText();
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(admin::Places(line), admin::kOutputWidth) << line;
  }
}

TEST(OutcomeTest, ASummaryAddsCountsAndTakesMediansAndMaxima) {
  Outcome failed = Good();
  failed.commits_lost = 2;
  failed.promote_seconds = 3.25;
  const auto json = admin::ParseJson("summary", Summary({Good(), failed}, true).ToJson());
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(admin::NumberOf(*json, "runs"), 2);
  EXPECT_EQ(admin::NumberOf(*json, "runs_passed"), 1);
  EXPECT_FALSE(admin::Member(*json, "passed")->bool_value());
  EXPECT_EQ(admin::NumberOf(*json, "commits_lost"), 2);
  EXPECT_EQ(admin::Member(*admin::Member(*json, "medians"), "promote_seconds")->number_value(), 2.25);
  EXPECT_EQ(admin::Member(*admin::Member(*json, "maxima"), "promote_seconds")->number_value(), 3.25);
  ASSERT_EQ(admin::Member(*json, "each")->list_value().values_size(), 2);
  EXPECT_EQ(admin::NumberOf(admin::Member(*json, "each")->list_value().values(1), "commits_lost"), 2);
}

TEST(OutcomeTest, AMedianThatIsTooLongFailsRunsThatPassedUnlessNothingIsTimed) {
  Outcome slow = Good();
  slow.promote_seconds = 3.5;
  EXPECT_FALSE(Summary({slow, slow, Good()}, true).passed());
  EXPECT_TRUE(Summary({slow, slow, Good()}, false).passed());
  EXPECT_TRUE(Summary({slow, Good(), Good()}, true).passed());
}

TEST(OutcomeTest, WhatIsPromisedOfEveryRunIsJudgedOnlyIfItWasMeasured) {
  Outcome outcome = Good();
  outcome.slowest_proxy_seconds = 1.9;
  outcome.least_reads_per_second = 250;
  JudgeTimes(200, &outcome);
  EXPECT_TRUE(outcome.findings.empty());
  outcome.slowest_proxy_seconds = 2.1;
  outcome.slowest_commit_failure_seconds = 2.6;
  outcome.least_reads_per_second = 199;
  JudgeTimes(200, &outcome);
  EXPECT_EQ(outcome.findings.size(), 3u);
  Outcome in_place = Good();
  in_place.lost = "dc2";
  in_place.promote_seconds = 2.1;
  JudgeTimes(200, &in_place);
  EXPECT_EQ(in_place.findings.size(), 1u);
}

TEST(OutcomeTest, OnlyTheFailuresOfTheLibraryBetweenTwoTimesCount) {
  Journal journal;
  const int64_t number = journal.Begin(Load::kLibrary, {1});
  journal.Fail(number, {Load::kLibrary, "NO_PRIMARY", absl::Seconds(1), absl::Seconds(1)}, "");
  journal.Fail(number, {Load::kLibrary, "COMMIT_UNKNOWN", absl::Seconds(5), absl::Seconds(2)}, "0.7");
  journal.Fail(number, {Load::kDirect, "STANDBY", absl::Seconds(6), absl::Seconds(3)}, "");
  Outcome outcome = Good();
  NoteCommitFailures(journal, absl::Seconds(2), absl::Seconds(9), &outcome);
  EXPECT_EQ(outcome.commit_failures, (std::map<std::string, int64_t>{{"COMMIT_UNKNOWN", 1}}));
  EXPECT_EQ(outcome.slowest_commit_failure_seconds, 2);
}

TEST(OutcomeTest, AProxyThatDidNotComeIsNamedAndNoTimeIsGiven) {
  const auto operation = admin::ParseJson(
      "operation",
      R"({"verdict": {"kind": "PROVEN 0"}, "steps": [{"name": "epoch", "took_ms": 2.5}], "arrivals": [
          {"node_id": "dc2-p1", "arrived": true, "after_ms": 120.0},
          {"node_id": "dc2-p2", "arrived": false, "after_ms": 0.0},
          {"node_id": "dc1-p1", "arrived": true, "after_ms": 9000.0}]})");
  ASSERT_TRUE(operation.ok()) << operation.status();
  Outcome outcome = Good();
  NotePromotion(*operation, {"dc2-p1"}, &outcome);
  EXPECT_EQ(outcome.slowest_proxy_seconds, 0.12);
  EXPECT_EQ(outcome.arrival_ms, (std::map<std::string, double>{{"dc2-p1", 120}}));
  EXPECT_EQ(outcome.step_ms.at("epoch"), 2.5);
  EXPECT_EQ(outcome.verdict, "PROVEN 0");
  outcome = Good();
  NotePromotion(*operation, {"dc2-p1", "dc2-p2"}, &outcome);
  EXPECT_FALSE(outcome.slowest_proxy_seconds.has_value());
  ASSERT_EQ(outcome.findings.size(), 1u);
  EXPECT_THAT(outcome.findings[0], HasSubstr("dc2-p2"));
}

}  // namespace
}  // namespace holdfast::drill
