#include "failover/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "failover/checks.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using replication::Rule;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Position At(uint64_t epoch, uint64_t index) {
  Position position;
  position.revision = Revision(epoch, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(index);
  return position;
}

// dc1: p (primary), y. dc2: a, b (the pair), x. Two of {a, b, x}. dc1 is lost, `a` is asked.
class PlanTest : public ::testing::Test {
 protected:
  PlanTest() {
    input_.candidate = {{"a", "a-1"},
                        At(0, 10),
                        [](const Position& position) { return position == At(0, position.revision.index()); },
                        {{Revision(0, 1), Rule(), {}}}};
    input_.newest_epoch.set_node_id("p");
    input_.self_role = v1::NODE_ROLE_STANDBY;
    Rule& rule = input_.candidate.rules[0].rule;
    rule.voters = {{"a", "a-1"}, {"b", "b-1"}, {"x", "x-1"}};
    rule.quorum = 2;
    input_.disk_free_bytes = int64_t{10} << 30;
    input_.view.set_gathered_by("a");
    Add("a", "dc2", v1::NODE_KIND_SERVER, true).mutable_member()->set_slot(1);
    Add("b", "dc2", v1::NODE_KIND_SERVER, true).mutable_member()->set_slot(2);
    Add("p", "dc1", v1::NODE_KIND_SERVER, false).mutable_member()->set_slot(0);
    Add("x", "dc2", v1::NODE_KIND_PROXY, true);
    Add("y", "dc1", v1::NODE_KIND_PROXY, false);
    input_.self = Node("a").member();
  }

  v1::NodeView& Add(const std::string& id, const std::string& site, v1::NodeKind kind, bool reached) {
    v1::NodeView& node = *input_.view.add_nodes();
    node.mutable_member()->set_node_id(id);
    node.mutable_member()->set_site(site);
    node.mutable_member()->set_kind(kind);
    node.mutable_member()->set_incarnation(id + "-1");
    node.set_reached(reached);
    if (!reached) return node;
    v1::PromiseResponse& said = *node.mutable_said();
    said.set_node_id(id);
    said.set_incarnation(id + "-1");
    *said.mutable_appended() = storage::ToProto(At(0, 10));
    *said.mutable_committed() = storage::ToProto(At(0, 10));
    said.set_role(kind == v1::NODE_KIND_SERVER ? v1::NODE_ROLE_STANDBY : v1::NODE_ROLE_PROXY);
    said.set_primary_node_id("p");
    return node;
  }
  v1::NodeView& Node(const std::string& id) {
    for (v1::NodeView& node : *input_.view.mutable_nodes()) {
      if (node.member().node_id() == id) return node;
    }
    ADD_FAILURE() << id;
    return *input_.view.mutable_nodes(0);
  }
  void Sees(const std::string& from, const std::string& whom, v1::NodeRole role) {
    v1::Vantage& vantage = from == "command" ? *input_.view.mutable_command() : *Node(from).mutable_vantage();
    vantage.set_from(from);
    v1::Sighting& sighting = *vantage.add_sightings();
    sighting.set_node_id(whom);
    sighting.set_reached(true);
    sighting.set_role(role);
  }
  std::string Blocks(const v1::Plan& plan) {
    std::string names;
    for (const v1::Check& check : plan.checks()) {
      if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) names += check.name() + " ";
    }
    return names;
  }

  PlanInput input_;
};

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
  input_.overrides.add_assert_sites_down("dc2");
  EXPECT_EQ(Blocks(MakePlan(input_)), "primary-gone ");
  input_.overrides.add_assert_sites_down("dc1");
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

// It waits for a person, and would be waited for.
TEST_F(PlanTest, AFormerPrimaryIsNoVoterOfTheNewEpochUnlessItComesByItself) {
  v1::PromiseResponse& said = *Node("b").mutable_said();
  said.set_role(v1::NODE_ROLE_SUSPENDED);
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 1);
  said.mutable_running()->set_operation_id("op-1");  // it is being overtaken
  EXPECT_EQ(MakePlan(input_).new_rule().voters_size(), 2);
  said.clear_running();
  said.mutable_promise()->set_hand_over(true);
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
  Node("b").set_reached(false);
  EXPECT_NE(MakePlan(input_).plan_id(), id) << "another promise to be had";
}

TEST_F(PlanTest, TheIdChangesWithTheOverrides) {
  const std::string id = MakePlan(input_).plan_id();
  input_.overrides.add_assert_sites_down("dc1");
  EXPECT_NE(MakePlan(input_).plan_id(), id);
}

// The other half of all site losses: the last primary goes on with what is left.
class InPlaceTest : public PlanTest {
 protected:
  InPlaceTest() {
    input_.kind = v1::OPERATION_KIND_PROMOTE_IN_PLACE;
    input_.candidate.self = {"p", "p-1"};
    input_.self_role = v1::NODE_ROLE_PRIMARY;
    for (const char* id : {"a", "b", "x"}) Node(id).set_reached(false);
    for (const char* id : {"p", "y"}) {
      Node(id).set_reached(true);
      v1::PromiseResponse& said = *Node(id).mutable_said();
      said.set_node_id(id);
      said.set_incarnation(std::string(id) + "-1");
      *said.mutable_appended() = storage::ToProto(At(0, 10));
      said.set_role(std::string(id) == "p" ? v1::NODE_ROLE_PRIMARY : v1::NODE_ROLE_PROXY);
      said.set_primary_node_id("p");
    }
    input_.view.set_gathered_by("p");
    input_.self = Node("p").member();
  }
};

TEST_F(InPlaceTest, NeedsTheWordThatTheVotersSiteIsDown) {
  v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(Blocks(plan), "promises ");
  EXPECT_THAT(plan.checks(0).next_command(),
              HasSubstr("holdfast promote p --in-place --assert-site-down=dc2"));
  input_.overrides.add_assert_sites_down("dc2");
  plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << Blocks(plan);
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN) << "marked unproven";
  ASSERT_EQ(plan.new_rule().voters_size(), 1);
  EXPECT_EQ(plan.new_rule().voters(0).node_id(), "y");
  EXPECT_EQ(plan.new_rule().quorum(), 1u);
}

TEST_F(InPlaceTest, OnlyTheLastPrimaryItself) {
  input_.newest_epoch.set_node_id("a");
  input_.overrides.add_assert_sites_down("dc2");
  EXPECT_THAT(Blocks(MakePlan(input_)), HasSubstr("last-primary"));
}

TEST_F(InPlaceTest, NeitherAFencedOneNorAHealthyOne) {
  input_.overrides.add_assert_sites_down("dc2");
  input_.self_role = v1::NODE_ROLE_FENCED;
  EXPECT_THAT(Blocks(MakePlan(input_)), HasSubstr("last-primary"));
  input_.self_role = v1::NODE_ROLE_PRIMARY;
  input_.overrides.clear_assert_sites_down();
  for (const char* id : {"a", "b", "x"}) Node(id).set_reached(true);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_THAT(Blocks(plan), HasSubstr("last-primary"));
}

// Simulator seed 501: a promise that came to nothing keeps its node out until there is a higher epoch.
TEST_F(InPlaceTest, AHealthyOneGoesOnInAHigherEpochForThoseWhoPromisedHigher) {
  for (const char* id : {"a", "b", "x"}) Node(id).set_reached(true);
  Node("b").mutable_said()->mutable_promise()->set_epoch(66);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << Blocks(plan);
  EXPECT_EQ(plan.epoch(), 128u);
}

// F7: what was given up is taken back by the old primary itself, and proven.
TEST_F(InPlaceTest, ASuspendedOneTakesItsRoleBackWithoutAnyOverride) {
  input_.self_role = v1::NODE_ROLE_SUSPENDED;
  for (const char* id : {"a", "b", "x"}) Node(id).set_reached(true);
  const v1::Plan plan = MakePlan(input_);
  EXPECT_TRUE(plan.admissible()) << Blocks(plan);
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
