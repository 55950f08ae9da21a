#include "failover/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "failover/checks.h"
#include "storage/record_codec.h"
#include "tests/failover/plan_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(PlanTest, ALostSiteIsTakenOverWithoutLoss) {
  const v1::Plan plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << Blocks(plan);
  EXPECT_TRUE(WhyRefused(plan).ok());
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_EQ(plan.epoch(), 1u) << "slot 1, above epoch 0";
  EXPECT_EQ(plan.ending_primary(), "p");
  EXPECT_EQ(plan.plan_id().size(), 12u);
}

TEST_F(PlanTest, AnEpochCarriesItsSlotAndIsAboveAllThatWereSeen) {
  EXPECT_EQ(NextEpoch(0, 1), 1u);
  EXPECT_EQ(NextEpoch(1, 1), 65u);
  EXPECT_EQ(NextEpoch(64, 0), 128u);
  EXPECT_EQ(NextEpoch(63, 0), 64u);
  Node("x").mutable_said()->mutable_promise()->set_epoch(70);
  EXPECT_EQ(MakePlan(input_).epoch(), 129u);
}

TEST_F(PlanTest, AHealthyPrimaryIsNotTakenOver) {
  Node("p").set_reached(true);
  Node("p").mutable_said()->set_role(v1::NODE_ROLE_PRIMARY);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "primary-gone ");
  EXPECT_THAT(std::string(WhyRefused(plan).message()), HasSubstr("holdfast switchover a"));
  EXPECT_EQ(ReasonOf(WhyRefused(plan)), "CHECK_FAILED");
  EXPECT_EQ(DetailOf(WhyRefused(plan), "node_id"), "p");
}

// A live one that would be harmed blocks, whoever sees it.
TEST_F(PlanTest, APrimaryThatOnlySomebodyElseSeesBlocksToo) {
  Sees("x", "p", v1::NODE_ROLE_PRIMARY);
  Sees("command", "p", v1::NODE_ROLE_PRIMARY);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "primary-gone ");
  EXPECT_THAT(plan.checks(0).seen(), HasSubstr("seen from command, x"));
}

TEST_F(PlanTest, OnlyTheWordThatItsSiteIsDownOverridesIt) {
  Sees("x", "p", v1::NODE_ROLE_PRIMARY);
  input_.overrides.set_accept_unknown_loss(true);
  EXPECT_THAT(Blocks(MakePlan(input_)), HasSubstr("primary-gone "));
  input_.overrides.clear_accept_unknown_loss();
  input_.overrides.add_assert_sites_down("dc1");
  EXPECT_TRUE(MakePlan(input_).admissible());
  // Not if it answers the candidate itself.
  Node("p").set_reached(true);
  Node("p").mutable_said()->set_role(v1::NODE_ROLE_PRIMARY);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "primary-gone ");
  EXPECT_THAT(plan.checks(0).next_command(), HasSubstr("holdfast switchover a"));
}

TEST_F(PlanTest, ASiteThatAnswersIsNotDown) {
  input_.overrides.add_assert_sites_down("dc2");
  input_.overrides.add_assert_sites_down("dc1");
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "overrides ") << "the candidate's own";
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote a --assert-site-down=dc1");
}

// A live one may be too busy to answer anybody: whoever follows it knows.
TEST_F(PlanTest, APrimaryThatOnlyItsFollowersHearBlocksToo) {
  v1::Feed& feed = *Node("x").mutable_said()->mutable_feed();
  feed.set_upstream_node_id("p");
  feed.set_primary_node_id("p");
  feed.mutable_heard_ago()->set_nanos(400'000'000);
  v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "primary-gone ");
  EXPECT_EQ(plan.checks(0).node_id(), "p");
  EXPECT_THAT(plan.checks(0).seen(), HasSubstr("does not answer, and feeds x"));
  feed.mutable_heard_ago()->set_seconds(2);
  EXPECT_TRUE(MakePlan(input_).admissible()) << "longer than between two heartbeats";
  feed.clear_heard_ago();
  EXPECT_TRUE(MakePlan(input_).admissible()) << "nobody knows";
}

// What the end of a look says is newer than the first answer.
TEST_F(PlanTest, AFeedThatHasFallenSilentMeanwhileBlocksNothing) {
  v1::Feed feed;
  feed.set_upstream_node_id("p");
  feed.set_primary_node_id("p");
  feed.mutable_heard_ago()->set_nanos(900'000'000);
  *Node("x").mutable_said()->mutable_feed() = feed;
  feed.mutable_heard_ago()->set_seconds(1);
  *Node("x").mutable_vantage()->mutable_feed() = feed;
  EXPECT_TRUE(MakePlan(input_).admissible());
}

TEST_F(PlanTest, EachPrimaryThatActsIsReported) {
  Sees("x", "p", v1::NODE_ROLE_PRIMARY);
  Sees("x", "b", v1::NODE_ROLE_PRIMARY);
  std::vector<std::string> who;
  const v1::Plan plan = MakePlan(input_);
  for (const v1::Check& check : plan.checks()) {
    if (check.name() == "primary-gone") who.push_back(check.node_id());
  }
  EXPECT_THAT(who, ElementsAre("b", "p"));
}

// What has been given stays in the next command: it can be typed as it stands.
TEST_F(PlanTest, TheNextCommandHasAllThatWasGivenBefore) {
  for (const char* id : {"b", "x"}) Node(id).set_reached(false);
  input_.overrides.add_assert_sites_down("dc1");
  input_.overrides.set_accept_unknown_loss(true);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(plan.checks(0).next_command(),
            "holdfast promote a --accept-unknown-loss --assert-site-down=dc1 --accept-local");
}

// Every refusal names the check, the node, what was seen, what is needed, and what to type.
TEST_F(PlanTest, NoRefusalLeavesAnythingOut) {
  Sees("x", "p", v1::NODE_ROLE_PRIMARY);
  for (const char* id : {"b", "x"}) *Node(id).mutable_said() = v1::PromiseResponse();
  for (const char* id : {"b", "x"}) Node(id).set_reached(false);
  input_.overrides.set_accept_loss(3);
  input_.overrides.set_choose_branch("1.2@00112233");
  input_.self.clear_slot();
  int blocked = 0;
  const v1::Plan plan = MakePlan(input_);
  for (const v1::Check& check : plan.checks()) {
    if (check.outcome() != v1::CHECK_OUTCOME_BLOCKED) continue;
    ++blocked;
    EXPECT_FALSE(check.node_id().empty()) << check.DebugString();
    EXPECT_FALSE(check.seen().empty() || check.needed().empty()) << check.DebugString();
    EXPECT_THAT(check.next_command(), ::testing::StartsWith("holdfast ")) << check.DebugString();
  }
  EXPECT_GE(blocked, 5);
}

// What a node that has promised cannot give was found out by an operation before: now it is counted.
TEST_F(PlanTest, RecordsThatCouldNotBeHadAreCountedByTheNextPlan) {
  *Node("x").mutable_said()->mutable_appended() = storage::ToProto(At(0, 13));
  input_.cannot_give = {"x"};
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_BOUNDED);
  EXPECT_EQ(plan.verdict().lost_at_most(), 3);
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote a --accept-loss=3");
  input_.overrides.set_accept_loss(3);
  EXPECT_TRUE(MakePlan(input_).admissible());
}

TEST_F(PlanTest, ADeadNodeThatSafetyDoesNotNeedBlocksNothing) {
  Node("b").set_reached(false);
  EXPECT_TRUE(MakePlan(input_).admissible());
}

TEST_F(PlanTest, AnUnknownLossMustBeAcceptedByItsName) {
  Add("z", "dc2", v1::NODE_KIND_PROXY, true);
  Node("b").set_reached(false);
  Node("x").set_reached(false);
  v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "promises ");
  EXPECT_THAT(plan.checks(0).next_command(), HasSubstr("--accept-unknown-loss"));
  input_.overrides.set_accept_loss(1000);
  EXPECT_EQ(Blocks(MakePlan(input_)), "promises overrides ") << "a bound is not what is missing";
  input_.overrides.clear_accept_loss();
  input_.overrides.set_accept_unknown_loss(true);
  plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible());
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN) << "an override does not change the verdict";
}

TEST_F(PlanTest, AnOverrideThatNothingAsksForIsRefused) {
  input_.overrides.set_accept_unknown_loss(true);
  EXPECT_EQ(Blocks(MakePlan(input_)), "overrides ");
  input_.overrides.clear_accept_unknown_loss();
  input_.overrides.set_accept_local(true);
  EXPECT_EQ(Blocks(MakePlan(input_)), "overrides ");
  input_.overrides.clear_accept_local();
  input_.overrides.add_assert_sites_down("dc3");
  EXPECT_EQ(Blocks(MakePlan(input_)), "overrides ") << "no such site";
}

// Or each refusal would undo the answer to the one before.
TEST_F(PlanTest, TheNextCommandKeepsTheOverridesThatAreStillAskedFor) {
  for (const char* id : {"b", "x"}) Node(id).set_reached(false);
  v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(plan.checks(0).node_id(), "b, x") << "whose promises are missing";
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote a --accept-unknown-loss");
  input_.overrides.set_accept_unknown_loss(true);
  plan = MakePlan(input_);
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote a --accept-unknown-loss --accept-local");
  input_.overrides.set_accept_local(true);
  EXPECT_TRUE(MakePlan(input_).admissible());
  // What nothing asks for is left out, and nothing else.
  input_.overrides.set_accept_loss(3);
  plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "overrides ");
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote a --accept-unknown-loss --accept-local");
}

// R5: the rules are those of the log that is gone on from, which is fetched first.
TEST_F(PlanTest, ASpellThatHasEndedBeyondTheCandidatesOwnLogBlocksNothing) {
  input_.candidate.rules.push_back({Revision(0, 9), replication::Rule(), {}});
  input_.candidate.former = input_.candidate.rules[0].rule;
  EXPECT_FALSE(MakePlan(input_).admissible());
  v1::PromiseResponse& said = *Node("b").mutable_said();
  *said.mutable_appended() = storage::ToProto(At(0, 12));
  v1::LogEpoch& epoch = *said.add_epochs();
  *epoch.mutable_first() = storage::ToProto(At(0, 1));
  epoch.set_last_revision(Revision(0, 12).number());
  for (const auto& [index, rule] :
       {std::pair(1, input_.candidate.rules[0].rule), std::pair(9, replication::Rule()),
        std::pair(11, input_.candidate.rules[0].rule)}) {
    v1::LogRule& brought = *epoch.add_rules();
    brought.set_revision(Revision(0, index).number());
    *brought.mutable_rule() = rule.ToProto();
  }
  v1::Plan plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << plan.DebugString();
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_EQ(plan.new_rule().quorum(), 2u);
}

// It waits for a person, and would be waited for.
TEST_F(PlanTest, AFormerPrimaryIsNoVoterOfTheNewEpochUnlessItComesByItself) {
  v1::PromiseResponse& said = *Node("b").mutable_said();
  said.set_role(v1::NODE_ROLE_SUSPENDED);
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 1);
  said.mutable_running()->set_operation_id("op-1");  // it is being overtaken
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 2);
  said.clear_running();
  said.mutable_promise()->mutable_handed_over()->set_node_id("p");
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 1) << "another one's role";
  said.mutable_promise()->mutable_handed_over()->set_node_id("b");
  said.mutable_promise()->mutable_handed_over()->set_epoch(said.epoch() + 1);
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 1) << "not the role that it has now";
  said.mutable_promise()->mutable_handed_over()->set_epoch(said.epoch());
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 2);
}

// R22: it never becomes local without a word.
TEST_F(PlanTest, AnEpochWithoutVotersNeedsItsName) {
  for (const char* id : {"b", "x"}) Node(id).set_reached(false);
  input_.overrides.set_accept_unknown_loss(true);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "new-voters ");
  EXPECT_THAT(plan.checks(0).next_command(), HasSubstr("--accept-local"));
  input_.overrides.set_accept_local(true);
  EXPECT_TRUE(MakePlan(input_).admissible());
}

TEST_F(PlanTest, ANodeThatCannotPromiseIsNotCounted) {
  Node("b").set_reached(false);
  Node("x").mutable_said()->set_cannot_promise("it has stopped serving");
  const v1::Plan plan = MakePlan(input_);
  EXPECT_THAT(Blocks(plan), HasSubstr("promises"));
  EXPECT_EQ(plan.new_rule().voters_size(), 0);
}

// A former primary that has not heard yet harms nobody, and would not be harmed.
TEST_F(PlanTest, APrimaryOfAnEpochThatIsOverOnlyWarns) {
  for (const char* id : {"a", "b", "x"}) {
    *Node(id).mutable_said()->mutable_appended() = storage::ToProto(At(2, 12));
    *Node(id).mutable_said()->mutable_committed() = storage::ToProto(At(2, 12));
  }
  input_.candidate.appended = At(2, 12);
  input_.candidate.has = [](const Position&) { return true; };
  Sees("x", "p", v1::NODE_ROLE_PRIMARY);
  EXPECT_TRUE(MakePlan(input_).admissible()) << Blocks(MakePlan(input_));
}

TEST_F(PlanTest, TwoBranchesAreNotChosenByTheirNumbers) {
  Position other = At(0, 9);
  other.chain_hash.bytes[5] = 1;
  *Node("x").mutable_said()->mutable_committed() = storage::ToProto(other);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "branches ");
  EXPECT_EQ(plan.checks(0).node_id(), "x");
}

TEST_F(PlanTest, ProxiesAndStrangersAreNeverPromoted) {
  input_.self.clear_slot();
  EXPECT_EQ(Blocks(MakePlan(input_)), "candidate ");
  input_.self = Node("a").member();
  input_.candidate.self.incarnation = "a-2";
  EXPECT_THAT(Blocks(MakePlan(input_)), HasSubstr("candidate"));
  input_.candidate.self.incarnation = "a-1";
  input_.self.set_kind(v1::NODE_KIND_PROXY);
  EXPECT_THAT(Blocks(MakePlan(input_)), HasSubstr("candidate"));
}

TEST_F(PlanTest, ASecondOperatorIsToldOfTheFirst) {
  v1::EpochPromise& running = *Node("b").mutable_said()->mutable_running();
  running.set_operation_id("op-1");
  running.set_operator_name("kim");
  running.set_host("desk-7");
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "other-operation ");
  EXPECT_THAT(plan.checks(0).seen(), HasSubstr("op-1 of kim on desk-7"));
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast operation attach op-1");
}

// The id speaks of what matters, and of nothing that moves by itself.
TEST_F(PlanTest, TheIdHoldsWhileCommitsGoOn) {
  const std::string id = MakePlan(input_).plan_id();
  for (v1::NodeView& node : *input_.view.mutable_nodes()) {
    if (node.reached()) *node.mutable_said()->mutable_appended() = storage::ToProto(At(0, 11));
  }
  input_.candidate.appended = At(0, 11);
  EXPECT_EQ(MakePlan(input_).plan_id(), id);
  Node("x").set_reached(false);
  EXPECT_NE(MakePlan(input_).plan_id(), id) << "fewer voters in the new epoch";
}

TEST_F(PlanTest, TheIdChangesWithTheOverrides) {
  const std::string id = MakePlan(input_).plan_id();
  input_.overrides.add_assert_sites_down("dc1");
  EXPECT_NE(MakePlan(input_).plan_id(), id);
}

// What `check` asks: the primary's site is well, and is taken to be lost.
TEST_F(PlanTest, NodesThatAreTakenToBeGoneHaveSaidAndSeenNothingAndNobodySeesThem) {
  v1::NodeView& primary = Node("p");
  primary.set_reached(true);
  primary.mutable_said()->set_node_id("p");
  primary.mutable_said()->set_role(v1::NODE_ROLE_PRIMARY);
  *primary.mutable_said()->mutable_appended() = storage::ToProto(At(0, 12));
  primary.mutable_vantage()->set_from("p");
  v1::Vantage& vantage = *Node("b").mutable_vantage();
  vantage.set_from("b");
  v1::Sighting& sighting = *vantage.add_sightings();
  sighting.set_node_id("p");
  sighting.set_reached(true);
  sighting.set_role(v1::NODE_ROLE_PRIMARY);
  for (v1::Feed* feed : {Node("x").mutable_said()->mutable_feed(), vantage.mutable_feed()}) {
    feed->set_upstream_node_id("p");
    feed->set_primary_node_id("p");
    feed->mutable_heard_ago()->set_nanos(400'000'000);
  }
  EXPECT_FALSE(MakePlan(input_).admissible());

  input_.view = WithoutNodes(input_.view, {"p", "y"});
  EXPECT_FALSE(Node("p").reached());
  EXPECT_FALSE(Node("p").has_said());
  EXPECT_FALSE(Node("p").has_vantage());
  EXPECT_FALSE(Node("b").vantage().sightings(0).reached());
  const v1::Plan plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << plan.DebugString();
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_EQ(plan.verdict().chosen().revision(), Revision(0, 10).number());
}

}  // namespace
}  // namespace holdfast::failover
