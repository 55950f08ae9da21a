// What an operator reads of plans, refusals and reports. All of it is what the planner and the driver make of
// two simulated sites; the texts are in golden/.
#include "gmock/gmock.h"
#include "tests/admin/golden.h"
#include "tests/admin/sites_fixture.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;

class CliPlanTest : public CliSitesTest {};
class CliRefusalTest : public CliSitesTest {};
class CliReportTest : public CliSitesTest {};

// ---- Plans ----

TEST_F(CliPlanTest, ALostSiteIsTakenOverProven) {
  LoseSite("dc1");
  ExpectGolden("plan_proven", Type("promote dc2-a --dry-run"));
}

TEST_F(CliPlanTest, WithTwoVotersDeadTheLossIsUnknownAndTheOverrideIsNamed) {
  LoseSite("dc1");
  Lose("dc2-b");
  Lose("dc2-p1");
  ExpectGolden("plan_unknown", Type("promote dc2-a --dry-run"));
  ExpectGolden("plan_unknown_accepted", Type("promote dc2-a --accept-unknown-loss --dry-run"));
}

// dc2-p1 has promised, and could not give the one record that it alone has.
TEST_F(CliPlanTest, WhatExistsAndCannotBeHadIsCounted) {
  sites_.CommitOnlyAtProxy();
  At("dc1-a").Stop();
  Lose("dc1-p1");
  Lose("dc2-b");
  sites_.AtStep("harvest", [this] { sites_.Mute("dc2-p1", "dc2-a"); });
  ExpectGolden("report_cannot_give", CarryOut("promote dc2-a"));
  sites_.AtStep("", [] {});
  sites_.HealAll();
  ExpectGolden("plan_bounded", Type("promote dc2-a --dry-run"));
  ExpectGolden("plan_bounded_accepted", Type("promote dc2-a --accept-loss=1 --dry-run"));
}

TEST_F(CliPlanTest, DuringASpellOfLocalNobodyKnows) {
  sites_.BeginSpell();
  LoseSite("dc1");
  ExpectGolden("plan_spell", Type("promote dc2-a --dry-run"));
}

TEST_F(CliPlanTest, BothSitesUpThePrimaryIsHandedOver) {
  ExpectGolden("plan_switchover", Type("switchover dc2-a --dry-run"));
}

TEST_F(CliPlanTest, TheOtherSiteLostThePrimaryGoesOnInPlace) {
  LoseSite("dc2");
  ExpectGolden("plan_in_place", Type("promote dc1-a --in-place --dry-run"));
  ExpectGolden("plan_in_place_asserted", Type("promote dc1-a --in-place --assert-site-down=dc2 --dry-run"));
}

TEST_F(CliPlanTest, OfTwoBranchesOneIsChosenByItsName) {
  sites_.ForceBothSitesOn();
  Lose("dc1-a");
  Lose("dc2-a");
  sites_.HealAll();
  const std::string plan = Type("promote dc2-b --dry-run");
  ExpectGolden("plan_branches", plan);
  const size_t at = plan.find("--choose-branch=");
  ASSERT_NE(at, std::string::npos) << plan;
  const std::string choice = plan.substr(at, plan.find_first_of(" \n", at) - at);
  ExpectGolden("plan_branch_chosen", Type("promote dc2-b " + choice + " --dry-run"));
  ExpectGolden("report_branch_chosen", CarryOut("promote dc2-b " + choice));
}

TEST_F(CliPlanTest, OnATerminalThePlansIdIsTyped) {
  LoseSite("dc1");
  const std::string left = Type("promote dc2-a", "yes\n");
  EXPECT_THAT(left, HasSubstr("(exit code 4)"));
  ExpectGolden("plan_not_confirmed", left);
  EXPECT_THAT(Type("promote dc2-a", PlanId("promote dc2-a") + "\n"), HasSubstr("\nDONE  operation "));
}

// ---- Refusals ----

TEST_F(CliRefusalTest, AHealthyPrimaryIsNotTakenOver) {
  ExpectGolden("refused_healthy", Type("promote dc2-a --dry-run"));
}

TEST_F(CliRefusalTest, ANodeThatIsNoneIsNotPromoted) {
  ExpectGolden("refused_candidate", Type("promote dc3-a --dry-run"));
}

TEST_F(CliRefusalTest, AnOverrideThatNothingAsksForIsNotTaken) {
  LoseSite("dc1");
  ExpectGolden("refused_override", Type("promote dc2-a --accept-loss=3 --dry-run"));
  ExpectGolden("refused_own_site", Type("promote dc2-a --assert-site-down=dc2 --dry-run"));
}

TEST_F(CliRefusalTest, ABranchThatIsNoneIsNotChosen) {
  LoseSite("dc1");
  ExpectGolden("refused_branch", Type("promote dc2-a --choose-branch=1.9@00c0ffee --dry-run"));
}

TEST_F(CliRefusalTest, ASwitchoverNeedsAPrimaryThatIsThere) {
  LoseSite("dc1");
  ExpectGolden("refused_switchover", Type("switchover dc2-a --dry-run"));
}

TEST_F(CliRefusalTest, APlanThatHasChangedIsShownAnew) {
  const std::string looked_at = PlanId("switchover dc2-a");
  LoseSite("dc1");
  const std::string text = Type("promote dc2-a --yes --plan " + looked_at);
  EXPECT_THAT(text, HasSubstr("(exit code 4)"));
  ExpectGolden("refused_plan_changed", text);
}

// Between the plan and its start.
TEST_F(CliRefusalTest, APlanThatChangesAtTheLastMomentIsRefusedByTheNode) {
  LoseSite("dc1");
  const auto start = At("dc2-a").operations.start;
  At("dc2-a").operations.start = [this, start](const v1::StartOperationRequest& request) {
    for (const char* id : {"dc2-b", "dc2-p2"}) sites_.Lose(id);
    return start(request);
  };
  for (const char* id : {"dc2-b", "dc2-p2"}) At(id).operations = {};
  const std::string text = Type("promote dc2-a --yes --plan " + PlanId("promote dc2-a"));
  ExpectGolden("refused_plan_changed_late", text.substr(text.find("\nholdfast: ") + 1));
}

TEST_F(CliRefusalTest, AnOperationOfSomebodyElseIsNamed) {
  LoseSite("dc1");
  const std::string plan_id = PlanId("promote dc2-a");
  const auto start = At("dc2-a").operations.start;
  At("dc2-a").operations.start = [this, start](const v1::StartOperationRequest& request) {
    EXPECT_TRUE(sites_.BeginBy(sites_.PlanBy("dc2-a", v1::OPERATION_KIND_PROMOTE)).ok());
    return start(request);
  };
  const std::string here = Type("promote dc2-a --yes --plan " + plan_id);
  ExpectGolden("refused_running_here", here.substr(here.find("\nholdfast: ") + 1));
}

TEST_F(CliRefusalTest, AnOperationAtAnotherNodeIsNamed) {
  LoseSite("dc1");
  sites_.AtStep("open", [this] {  // it waits for its voters
    for (const char* id : {"dc2-p1", "dc2-p2"}) sites_.Mute("dc2-a", id);
  });
  ASSERT_TRUE(sites_.BeginBy(sites_.PlanBy("dc2-a", v1::OPERATION_KIND_PROMOTE)).ok());
  ExpectGolden("refused_running_elsewhere", Type("promote dc2-b --dry-run"));
}

// ---- Reports ----

TEST_F(CliReportTest, DoneSaysWhatItCostAndWhatRemains) {
  LoseSite("dc1");
  ExpectGolden("report_done", CarryOut("promote dc2-a"));
  ExpectGolden("operation_list", Type("operation list"));
  ExpectGolden("operation_attach", Type("operation attach"));
  ExpectGolden("operation_unknown", Type("operation attach 00c0ffee"));
}

TEST_F(CliReportTest, TheRecordsOfAProxyAreHarvested) {
  sites_.CommitOnlyAtProxy();
  At("dc1-a").Stop();
  Lose("dc1-p1");
  ExpectGolden("report_harvested", CarryOut("promote dc2-a"));
}

TEST_F(CliReportTest, WhatWasDoneUnderAnOverrideIsSaidSo) {
  LoseSite("dc1");
  Lose("dc2-b");
  Lose("dc2-p1");
  ExpectGolden("report_unknown_accepted", CarryOut("promote dc2-a --accept-unknown-loss"));
}

TEST_F(CliReportTest, InPlaceSaysWhatIsUnsettled) {
  LoseSite("dc2");
  ExpectGolden("report_in_place", CarryOut("promote dc1-a --in-place --assert-site-down=dc2"));
}

TEST_F(CliReportTest, ASwitchoverSaysHowLongCommitsPaused) {
  ExpectGolden("report_switchover", CarryOut("switchover dc2-a"));
}

TEST_F(CliReportTest, WithoutItsVotersItIsIncompleteAndSaysWhatToTypeThen) {
  LoseSite("dc1");
  sites_.AtStep("open", [this] {
    for (const char* id : {"dc2-b", "dc2-p1", "dc2-p2"}) sites_.Mute("dc2-a", id);
  });
  ExpectGolden("report_incomplete", CarryOut("promote dc2-a"));
}

TEST_F(CliReportTest, PromisesThatProveLessRollItBackAndTheOnesThatRemainAreNamed) {
  LoseSite("dc1");
  sites_.AtStep("promises", [this] {
    for (const char* id : {"dc2-b", "dc2-p1"}) sites_.Mute("dc2-a", id);
  });
  ExpectGolden("report_rolled_back", CarryOut("promote dc2-a"));
}

TEST_F(CliReportTest, ASwitchoverThatIsGivenUpLeavesThePrimaryAsItWas) {
  sites_.AtStep("drain", [this] { sites_.Mute("dc1-a", "dc2-a"); });
  ExpectGolden("report_switchover_given_up", CarryOut("switchover dc2-a"));
}

TEST_F(CliReportTest, WhoseProcessHasEndedIsResumedOrGivenUp) {
  LoseSite("dc1");
  sites_.EndProcessAt("dc2-a", "judge");
  const std::string attached = Type("operation attach");
  EXPECT_THAT(attached, HasSubstr("(exit code 5)"));
  ExpectGolden("operation_interrupted", Type("operation list") + attached);
  const std::string given_up = Type("operation abort");
  ExpectGolden("operation_abort", given_up + Type("operation abort"));
}

TEST_F(CliReportTest, AnInterruptedOneIsResumedToItsEnd) {
  LoseSite("dc1");
  sites_.EndProcessAt("dc2-a", "judge");
  ExpectGolden("operation_resume", Type("operation resume"));
}

// dc2-b takes over while dc2-a is down; dc2-a's operator goes on, and is told whose it is now.
TEST_F(CliReportTest, WhoWasOvertakenIsToldByWhom) {
  LoseSite("dc1");
  sites_.EndProcessAt("dc2-a", "judge");
  ASSERT_TRUE(sites_.BeginBy(sites_.PlanBy("dc2-b", v1::OPERATION_KIND_PROMOTE)).ok());
  ASSERT_EQ(sites_.EndOf("dc2-b").state(), v1::OPERATION_STATE_DONE);
  ExpectGolden("report_overtaken", Type("operation resume " + sites_.NewestAt("dc2-a")));
}

}  // namespace
}  // namespace holdfast::admin
