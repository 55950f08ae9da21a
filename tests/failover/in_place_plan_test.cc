#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/failover/plan_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace holdfast::failover
