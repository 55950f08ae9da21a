// What `check` and `drill` show, and their exit codes.
#include "base/error.h"
#include "gmock/gmock.h"
#include "tests/admin/fake_cluster.h"
#include "tests/admin/golden.h"

namespace holdfast::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kOk = v1::READINESS_LEVEL_OK;
constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

class CliCheckTest : public FakeClusterTest {
 protected:
  CliCheckTest() {
    Fill(*primary_, v1::NODE_ROLE_PRIMARY);
    Item(*primary_, kOk, "serving", "primary of epoch 0");
    Item(*primary_, kOk, "vote", "1 of 1 voters follow closely: 1 of {dc2-a}");
    Fill(*standby_, v1::NODE_ROLE_STANDBY);
    Item(*standby_, kOk, "serving", "standby, fed by 'dc1-a'");
    Item(*standby_, kOk, "position", "at 0.2, 0 records behind 'dc1-a'; at most 0.4 s old");
    Item(*standby_, kWarn, "drill", "a promotion was never rehearsed here",
         "a rehearsal that passed in the last 30 days", "holdfast drill dc2-a");
    v1::Plan& plan = *standby_->plan;
    plan.set_admissible(true);
    plan.set_epoch(65);
    plan.mutable_verdict()->set_kind(v1::VERDICT_KIND_PROVEN);
    plan.mutable_new_rule()->set_quorum(1);
    plan.mutable_new_rule()->add_voters()->set_node_id("dc2-p1");
  }

  void Fill(FakeNode& node, v1::NodeRole role) {
    node.report.set_node_id(node.info().node_id());
    node.report.set_role(role);
    node.report.set_primary_node_id("dc1-a");
    node.report.mutable_made_at()->set_seconds(1'800'000'000);
  }
  void Item(FakeNode& node, v1::ReadinessLevel level, const std::string& check, const std::string& seen,
            const std::string& needed = "", const std::string& next = "") {
    v1::ReadinessItem& item = *node.report.add_items();
    item.set_check(check);
    item.set_node_id(node.info().node_id());
    item.set_level(level);
    item.set_seen(seen);
    item.set_needed(needed);
    item.set_next_command(next);
    item.mutable_since()->set_seconds(1'799'999'000);
  }
  static v1::DrillStep Step(const std::string& name, v1::DrillState state, int ms,
                            const std::string& detail) {
    v1::DrillStep step;
    step.set_name(name);
    step.set_state(state);
    step.mutable_took()->set_seconds(ms / 1000);
    step.mutable_took()->set_nanos(ms % 1000 * 1'000'000);
    step.set_detail(detail);
    return step;
  }
  static v1::Drill Drill(v1::DrillState state) {
    v1::Drill drill;
    drill.set_drill_id("0193ab54-0000-7000-8000-000000000001");
    drill.set_node_id("dc2-a");
    drill.set_state(state);
    drill.set_operator_name("olga@desk");
    drill.set_host("desk");
    drill.set_version("1.0");
    drill.mutable_started()->set_seconds(1'800'000'000);
    return drill;
  }
  // One that goes as it should.
  static std::vector<v1::Drill> GoodDrill() {
    v1::Drill passed = Drill(v1::DRILL_STATE_PASSED);
    *passed.add_steps() =
        Step("copy", v1::DRILL_STATE_PASSED, 240, "40960 KiB with 100000 keys, at 0.100123");
    *passed.add_steps() =
        Step("verify", v1::DRILL_STATE_PASSED, 1320, "rows, chain, pages and digest are those of 0.100123");
    *passed.add_steps() = Step("open", v1::DRILL_STATE_PASSED, 95,
                               "as primary of epoch 65 of a cluster of its own, on a private port");
    *passed.add_steps() = Step("commit", v1::DRILL_STATE_PASSED, 12, "a canary at 65.100125");
    *passed.add_steps() = Step("read", v1::DRILL_STATE_PASSED, 1, "the canary is what was written");
    *passed.add_steps() = Step("close", v1::DRILL_STATE_PASSED, 310, "everything is removed");
    passed.mutable_took()->set_seconds(2);
    passed.mutable_position()->set_revision(100123);
    passed.set_epoch(65);
    passed.set_key_count(100000);
    passed.set_database_bytes(int64_t{40} << 20);
    v1::Drill half = Drill(v1::DRILL_STATE_RUNNING);
    *half.add_steps() = passed.steps(0);
    *half.add_steps() = Step("verify", v1::DRILL_STATE_RUNNING, 100, "");
    return {Drill(v1::DRILL_STATE_RUNNING), half, passed};
  }
};

TEST_F(CliCheckTest, CheckShowsEveryServerAndTheCluster) {
  const Outcome outcome = Run({"check"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;  // WARN only
  ExpectGolden("check", outcome.out);
}

TEST_F(CliCheckTest, APromotionIsPlannedAsIfThePrimarysSiteWereGone) {
  Run({"check"});
  ASSERT_TRUE(standby_->planned.has_value());
  EXPECT_THAT(standby_->planned->as_if_gone(), ElementsAre("dc1-a"));
  EXPECT_EQ(standby_->planned->kind(), v1::OPERATION_KIND_PROMOTE);
  EXPECT_FALSE(primary_->planned.has_value());
}

TEST_F(CliCheckTest, WhatFailsIsExitCodeOneAndWhatIsNotKnownThree) {
  Item(*standby_, kUnknown, "digest", "not compared with any node yet",
       "the same record and state at one revision", "holdfast verify");
  EXPECT_EQ(Run({"check"}).code, 3);
  Item(*standby_, kFail, "disk", "120 MiB free, the data has 40 MiB",
       "296 MiB: room for one copy of the data", "holdfast status -o json");
  Item(*standby_, kFail, "promise",
       "epoch 66 to 'dc2-b', for operation 0193ab54 of "
       "a-very-long-operator-name@a-host-with-a-long-name.example on "
       "a-host-with-a-long-name.example; that epoch has not begun here",
       "the epoch, or a higher one, to begin", "holdfast operation list");
  standby_->plan->set_admissible(false);
  standby_->plan->mutable_verdict()->set_kind(v1::VERDICT_KIND_UNKNOWN);
  standby_->plan->mutable_verdict()->set_says(
      "only 1 of the 2 promises that would meet every acknowledged commit of epoch 0 can be had");
  const Outcome outcome = Run({"check"});
  EXPECT_EQ(outcome.code, 1);
  ExpectGolden("check_fails", outcome.out);
}

TEST_F(CliCheckTest, ANodeThatIsAwayIsUnknownAndNotCalledFailed) {
  standby_->Stop();
  const Outcome outcome = Run({"check", "--deadline", "3s"});
  EXPECT_EQ(outcome.code, 3);
  ExpectGolden("check_away", outcome.out);
}

TEST_F(CliCheckTest, WithThePrimaryGoneThePromotionIsWhatToTypeNext) {
  primary_->Stop();
  const Outcome outcome = Run({"check", "--deadline", "3s"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("next:   holdfast promote dc2-a --dry-run"));
}

TEST_F(CliCheckTest, OnlyTheNamedNodesAreAsked) {
  Fill(*proxy_, v1::NODE_ROLE_PROXY);
  Item(*proxy_, kOk, "serving", "proxy, fed by 'dc1-a'");
  const std::string text = Out({"check", "dc2-p1"});
  EXPECT_EQ(text, "dc2-p1  proxy in dc2\n  OK       serving       proxy, fed by 'dc1-a'\n\nOK: 1 OK\n");
  EXPECT_EQ(Run({"check", "no-such"}).code, 4);
}

TEST_F(CliCheckTest, CheckIsOneJsonDocumentForScripts) {
  const std::string text = Out({"check", "-o", "json"});
  EXPECT_THAT(text, HasSubstr("\"level\": \"WARN\""));
  EXPECT_THAT(text, HasSubstr("\"check\": \"promotion\""));
  EXPECT_THAT(text, HasSubstr("\"next\": \"holdfast drill dc2-a\""));
  EXPECT_THAT(text, HasSubstr("\"since\": \"2027-01-15T07:43:20.000000Z\""));
  EXPECT_THAT(text, HasSubstr("\"drill\": null"));
}

// A take-back, or a check, that makes a plan at the same node and moment.
TEST_F(CliCheckTest, APlanThatIsMadeForSomebodyElseIsWaitedForByAllCommands) {
  standby_->busy_answers = 2;
  EXPECT_EQ(Run({"check"}).code, 0);
  standby_->busy_answers = 2;
  const Outcome planned = Run({"promote", "dc2-a", "--dry-run"});
  EXPECT_EQ(planned.code, 0) << planned.err;
  standby_->busy_answers = 2;
  standby_->operations.start = [](const v1::StartOperationRequest&) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "OPERATION_RUNNING", "somebody was faster");
  };
  const Outcome started = Run({"promote", "dc2-a", "--yes", "--plan", "3f2a90c1d77e", "-o", "json"});
  EXPECT_THAT(started.out + started.err, HasSubstr("somebody was faster"));
  EXPECT_EQ(standby_->busy_answers, 0);
}

TEST_F(CliCheckTest, DrillShowsEachStepAndWhatItCameTo) {
  standby_->drills = GoodDrill();
  const Outcome outcome = Run({"drill"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  ExpectGolden("drill", outcome.out);
  ASSERT_TRUE(standby_->drilled.has_value());  // the one outside of the primary's site
  EXPECT_EQ(standby_->drilled->operator_name(), "olga@desk");
}

TEST_F(CliCheckTest, WithNoPrimaryKnownTheFirstServerIsRehearsedWith) {
  v1::CommitRequest nobody;
  nobody.set_request_id("nobody");
  v1::Mutation& mutation = *nobody.add_mutations();
  mutation.set_key("_holdfast/cluster");
  mutation.set_put(R"({"clusterId": "c0ffee"})");
  ASSERT_TRUE(store_.Commit(nobody).ok());
  primary_->drills = GoodDrill();
  const Outcome outcome = Run({"drill"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(primary_->drilled.has_value());
  EXPECT_FALSE(standby_->drilled.has_value());
}

TEST_F(CliCheckTest, AFailedDrillNamesItsStepAndExitsWithOne) {
  v1::Drill failed = Drill(v1::DRILL_STATE_FAILED);
  *failed.add_steps() = GoodDrill().back().steps(0);
  *failed.add_steps() =
      Step("verify", v1::DRILL_STATE_FAILED, 900,
           "3 findings, the first: the row hash of cc/instances/eu-1/limits does not match");
  *failed.add_steps() = Step("close", v1::DRILL_STATE_PASSED, 4, "everything is removed");
  failed.set_failed_step("verify");
  failed.set_error("3 findings, the first: the row hash of cc/instances/eu-1/limits does not match");
  failed.set_error_reason("DATA_DAMAGED");
  standby_->drills = {Drill(v1::DRILL_STATE_RUNNING), failed};
  const Outcome outcome = Run({"drill", "dc2-a"});
  EXPECT_EQ(outcome.code, 1);
  ExpectGolden("drill_failed", outcome.out);
}

TEST_F(CliCheckTest, AnInterruptedDrillIsNotCalledFailed) {
  v1::Drill interrupted = Drill(v1::DRILL_STATE_INTERRUPTED);
  interrupted.set_failed_step("copy");
  interrupted.set_error("the process ended in the middle of it");
  standby_->drills = {Drill(v1::DRILL_STATE_RUNNING), interrupted};
  const Outcome outcome = Run({"drill"});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.out, HasSubstr("INTERRUPTED  at the step 'copy': the process ended"));
}

TEST_F(CliCheckTest, ARefusedDrillSaysWhatIsInTheWay) {
  standby_->drill_refusal = WithDetail(
      MakeError(absl::StatusCode::kFailedPrecondition, "CHECK_FAILED", "the check disk ('dc2-a') blocks"),
      "check", "disk");
  const Outcome outcome = Run({"drill", "dc2-a"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("the check disk ('dc2-a') blocks"));
  EXPECT_EQ(Run({"drill", "no-such"}).code, 4);
}

TEST_F(CliCheckTest, ADrillThatIsNotTheOneThatWasBegunIsUnknown) {
  standby_->drills = {Drill(v1::DRILL_STATE_RUNNING), Drill(v1::DRILL_STATE_RUNNING)};
  standby_->drills.back().set_drill_id("another one");
  EXPECT_EQ(Run({"drill"}).code, 5);
}

TEST_F(CliCheckTest, DrillIsOneJsonDocumentForScripts) {
  standby_->drills = GoodDrill();
  const std::string text = Out({"drill", "-o", "json"});
  EXPECT_THAT(text, HasSubstr("\"state\": \"PASSED\""));
  EXPECT_THAT(text, HasSubstr("\"name\": \"verify\""));
  EXPECT_THAT(text, HasSubstr("\"took_ms\": 1320"));
  EXPECT_EQ(text.front(), '{');
}

}  // namespace
}  // namespace holdfast::admin
