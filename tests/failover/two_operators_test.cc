// Two operators at once, or one who hits twice: one wins, the other is told who, and nothing comes of it.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/failover/operations_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TwoOperatorsTest : public OperationsTest {
 protected:
  // Both confirmed at the same moment; OK for whoever began.
  std::map<std::string, absl::Status> ConfirmBoth(const std::map<std::string, v1::Plan>& plans) {
    std::map<std::string, absl::Status> begun;
    for (const auto& [id, plan] : plans) {
      v1::StartOperationRequest request;
      request.set_kind(plan.kind());
      request.set_plan_id(plan.plan_id());
      request.set_operator_name("operator of " + id);
      node(id).strand().Post([this, id = id, request, &begun] {
        operations_[id]->Begin(request,
                               [&begun, id](const absl::StatusOr<v1::StartOperationResponse>& answer) {
                                 begun[id] = answer.status();
                               });
      });
    }
    EXPECT_TRUE(time_.RunUntil([&] { return begun.size() == plans.size(); }, absl::Seconds(10)));
    return begun;
  }
};

TEST_F(TwoOperatorsTest, AtTwoStandbysAtOnceOneBecomesPrimaryAndNothingIsLost) {
  // A different moment each time: the answers overtake each other.
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    BeginAnew();
    const Position last = CommitEverywhere("k");
    Isolate("p");
    time_.RunFor(absl::Milliseconds(37) * round);
    const std::map<std::string, v1::Plan> plans = {{"a", PlanAt("a", v1::OPERATION_KIND_PROMOTE)},
                                                   {"b", PlanAt("b", v1::OPERATION_KIND_PROMOTE)}};
    const std::map<std::string, absl::Status> begun = ConfirmBoth(plans);
    ASSERT_TRUE(begun.at("a").ok() || begun.at("b").ok()) << begun.at("a") << begun.at("b");
    int won = 0;
    for (const char* id : {"a", "b"}) {
      if (!begun.at(id).ok()) continue;
      const v1::Operation ended = End(id);
      const bool is_written = ended.epoch_revision() != 0;
      won += ended.state() == v1::OPERATION_STATE_DONE;
      EXPECT_TRUE(is_written || ended.state() == v1::OPERATION_STATE_ROLLED_BACK ||
                  ended.state() == v1::OPERATION_STATE_REFUSED)
          << ended.DebugString();
      EXPECT_FALSE(is_written && (ended.state() == v1::OPERATION_STATE_ROLLED_BACK ||
                                  ended.state() == v1::OPERATION_STATE_REFUSED))
          << ended.DebugString();
    }
    EXPECT_LE(won, 1);
    // Both may have stood in each other's way: then anybody begins anew, and it goes through.
    std::string primary;
    time_.RunUntil([&] { return !(primary = PrimaryBesideP()).empty(); }, absl::Seconds(10));
    if (primary.empty()) {
      Start("a", v1::OPERATION_KIND_PROMOTE);
      ASSERT_EQ(End("a").state(), v1::OPERATION_STATE_DONE) << Newest("a").DebugString();
      primary = "a";
    }
    ASSERT_EQ(primary.size(), 1u) << "two primaries: " << primary;
    EXPECT_EQ(**node(primary).store().PositionAt(last.revision), last);
  }
}

TEST_F(TwoOperatorsTest, TheSecondOneAtTheSameNodeIsToldOfTheFirst) {
  Begin();
  Isolate("p");
  const v1::Plan plan = PlanAt("a", v1::OPERATION_KIND_PROMOTE);
  ASSERT_TRUE(Confirm("a", plan, "kim").ok());
  const absl::Status second = Confirm("a", plan, "lee");
  EXPECT_EQ(ReasonOf(second), "OPERATION_RUNNING") << second;
  EXPECT_THAT(std::string(second.message()), AllOf(HasSubstr("kim"), HasSubstr("the host of kim")));
  EXPECT_EQ(End("a").state(), v1::OPERATION_STATE_DONE);
  EXPECT_EQ(Newest("a").operator_name(), "kim");
}

// Twice the same word: the plan has been carried out, and does not hold any more.
TEST_F(TwoOperatorsTest, AConfirmedPlanIsCarriedOutOnce) {
  Begin();
  Isolate("p");
  const v1::Plan plan = PlanAt("a", v1::OPERATION_KIND_PROMOTE);
  ASSERT_TRUE(Confirm("a", plan).ok());
  ASSERT_EQ(End("a").state(), v1::OPERATION_STATE_DONE);
  const absl::Status again = Confirm("a", plan);
  EXPECT_EQ(ReasonOf(again), "CHECK_FAILED") << again;
  EXPECT_EQ(Primary(), "ap") << "p is cut off, and has not heard";
  EXPECT_EQ(node("a").replica().epoch(), plan.epoch());
}

// At another node: its plan names the operation that runs, and whose it is.
TEST_F(TwoOperatorsTest, AtAnotherNodeThePlanNamesTheOperationThatRuns) {
  Begin();
  Isolate("p");
  on_step = [this](const std::string& step) {
    if (step != "open") return;
    for (const char* id : {"x", "z"}) network_.Cut("a", id);  // it waits for its voters
  };
  ASSERT_TRUE(Confirm("a", PlanAt("a", v1::OPERATION_KIND_PROMOTE), "kim").ok());
  const v1::Plan other = PlanAt("b", v1::OPERATION_KIND_PROMOTE);
  EXPECT_FALSE(other.admissible());
  const auto running = std::find_if(other.checks().begin(), other.checks().end(),
                                    [](const v1::Check& check) { return check.name() == "other-operation"; });
  ASSERT_NE(running, other.checks().end());
  EXPECT_EQ(running->outcome(), v1::CHECK_OUTCOME_BLOCKED);
  EXPECT_EQ(running->node_id(), "a");
  EXPECT_THAT(running->seen(), AllOf(HasSubstr("kim"), HasSubstr("the host of kim")));
  on_step = nullptr;
  for (const char* id : {"x", "z"}) network_.Heal("a", id);
  EXPECT_EQ(End("a").state(), v1::OPERATION_STATE_DONE);
}

// F7: "nothing has changed" is said only where no promise was given.
TEST_F(TwoOperatorsTest, WhatIsRefusedHasTakenNoPromise) {
  Begin();
  const v1::Plan healthy = PlanAt("a", v1::OPERATION_KIND_PROMOTE);
  ASSERT_FALSE(healthy.admissible()) << "the primary is healthy";
  const absl::Status refused = Confirm("a", healthy);
  EXPECT_EQ(ReasonOf(refused), "CHECK_FAILED") << refused;
  time_.RunFor(absl::Seconds(5));
  for (auto& [id, member] : nodes_) EXPECT_EQ(member->store().node().promise().epoch(), 0u) << id;
  EXPECT_EQ(Primary(), "p");
}

}  // namespace
}  // namespace holdfast::failover
