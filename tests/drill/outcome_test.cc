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

namespace holdfast::drill {
namespace {

using ::testing::HasSubstr;

Outcome Good() {
  Outcome outcome;
  outcome.seed = 7;
  outcome.loss = "cut";
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
  return outcome;
}

TEST(OutcomeTest, EveryFaultMakesTheRunFail) {
  EXPECT_TRUE(Good().passed());
  Outcome stays = Good();
  stays.fail_back = stays.failed_back = false;
  EXPECT_TRUE(stays.passed());
  const std::vector<std::function<void(Outcome&)>> faults = {[](Outcome& one) { one.read_errors = 1; },
                                                             [](Outcome& one) { one.reads_wrong = 1; },
                                                             [](Outcome& one) { one.commits_lost = 1; },
                                                             [](Outcome& one) { one.commits_wrong = 1; },
                                                             [](Outcome& one) { one.watch_events_missing = 1; },
                                                             [](Outcome& one) { one.watch_events_repeated = 1; },
                                                             [](Outcome& one) { one.watch_events_wrong = 1; },
                                                             [](Outcome& one) { one.watch_rewinds = 1; },
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

TEST(OutcomeTest, TheJsonIsOneLineWithEveryPromisedMember) {
  const std::string text = ToJson(Good());
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto json = admin::ParseJson("outcome", text);
  ASSERT_TRUE(json.ok()) << json.status();
  for (const char* const name :
       {"reads", "read_errors", "max_read_gap_ms", "commits_acknowledged", "commits_lost", "promote_seconds",
        "commit_outage_seconds", "slowest_proxy_seconds", "watch_events_missing", "watch_events_repeated",
        "digests_equal", "failed_back", "seed", "loss", "keys", "proxies", "verdict"}) {
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
  const std::string text = ToText(outcome) + SummaryText({outcome, Good()});
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(admin::Places(line), admin::kOutputWidth) << line;
  }
}

TEST(OutcomeTest, ASummaryAddsCountsAndTakesMediansAndMaxima) {
  Outcome failed = Good();
  failed.commits_lost = 2;
  failed.promote_seconds = 3.25;
  const auto json = admin::ParseJson("summary", SummaryJson({Good(), failed}));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(admin::NumberOf(*json, "runs"), 2);
  EXPECT_EQ(admin::NumberOf(*json, "runs_passed"), 1);
  EXPECT_FALSE(admin::Member(*json, "passed")->bool_value());
  EXPECT_EQ(admin::NumberOf(*json, "commits_lost"), 2);
  EXPECT_EQ(admin::Member(*admin::Member(*json, "medians"), "promote_seconds")->number_value(), 2.25);
  EXPECT_EQ(admin::Member(*admin::Member(*json, "maxima"), "promote_seconds")->number_value(), 3.25);
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
