// A promotion is broken off after each of its steps: its candidate is killed, and it is resumed, or the other
// standby takes over; or the command that started it is killed. Each time the same end: one primary, one
// history with every acknowledged commit, and a record of the operation that says what became of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/process/operation_fixture.h"
#include "tests/process/operation_points.h"

namespace holdfast::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAreArray;

class LostSiteTest : public OperationTest {
 protected:
  // dc1 is lost, and the candidate lacks what its voters acknowledged last: there is something to harvest.
  void SetUp() override {
    OperationTest::SetUp();
    CommitAll(2);
    HoldBack("dc2-a");
    CommitAll(3);
    playground_.KillAll(playground_.IdsOf("dc1"));
  }
  // Begins the promotion of dc2-a, whose process ends at `point`.
  std::unique_ptr<CommandBeside> PromoteUntil(const std::string& point) {
    const std::vector<std::string> command = {"promote", "dc2-a"};
    std::vector<std::string> confirmed = command;
    confirmed.insert(confirmed.end(), {"--yes", "--plan", PlanOf(command), "-o", "json"});
    Arm("dc2-a", {point + "=kill"});
    auto beside = Beside(confirmed);
    EXPECT_TRUE(WaitUntilDead("dc2-a")) << point << playground_.Logs();
    return beside;
  }
};

class PromoteStepsTest : public LostSiteTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(PromoteStepsTest, ItsCandidateIsKilledAndTheOperationResumed) {
  const auto command = PromoteUntil(GetParam());
  playground_.Restart("dc2-a");
  const CommandResult& broken_off = command->Result();
  // It went on by itself, or nobody can say: never failed, never refused.
  EXPECT_THAT(broken_off.exit_status, AnyOf(0, 5)) << broken_off.out << broken_off.err << playground_.Logs();
  const std::vector<v1::Operation> known = OperationsOf("dc2-a");
  if (known.empty()) {  // killed before it was noted: nothing has begun
    const CommandResult promoted = CarryOut({"promote", "dc2-a"});
    EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  } else {
    const CommandResult resumed = playground_.Holdfast({"operation", "resume", known.front().operation_id()});
    const bool was_over = OperationsOf("dc2-a").front().state() == v1::OPERATION_STATE_DONE;
    EXPECT_TRUE(resumed.exit_status == 0 || (resumed.exit_status == 4 && was_over))
        << resumed.exit_status << resumed.out << resumed.err << playground_.Logs();
  }
  const std::vector<v1::Operation> operations = OperationsOf("dc2-a");
  ASSERT_EQ(operations.size(), 1u);
  EXPECT_EQ(operations.front().state(), v1::OPERATION_STATE_DONE) << operations.front().ShortDebugString();
  EXPECT_EQ(WaitForPrimary(), "dc2-a");
  ExpectOneHistory();
  ExpectHonest("dc2-a");
}

TEST_P(PromoteStepsTest, ItsCandidateIsKilledAndTheOtherStandbyTakesOver) {
  const auto command = PromoteUntil(GetParam());
  command->Kill();
  const CommandResult promoted = CarryOut({"promote", "dc2-b"});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  playground_.Restart("dc2-a");
  for (const v1::Operation& operation : OperationsOf("dc2-a")) {
    if (operation.state() != v1::OPERATION_STATE_RUNNING) continue;
    // What was overtaken does not come to life again, and says so.
    const CommandResult resumed = playground_.Holdfast({"operation", "resume", operation.operation_id()});
    EXPECT_THAT(resumed.exit_status, AnyOf(4, 5, 6)) << resumed.out << resumed.err << playground_.Logs();
  }
  ExpectOneHistory();
  EXPECT_EQ(WaitForPrimary(), "dc2-b");
  ExpectHonest("dc2-a");
  ExpectHonest("dc2-b");
}

INSTANTIATE_TEST_SUITE_P(, PromoteStepsTest, ::testing::ValuesIn(Chosen(PromotePoints())), PointName);

class PromoteWatchedStepsTest : public LostSiteTest {};

// The operation runs in the candidate: whoever started it, or watched it, may go at any moment.
TEST_F(PromoteWatchedStepsTest, TheCommandIsKilledAfterEachStepAndAnotherOneAttaches) {
  ASSERT_NO_FATAL_FAILURE(WatchInTurns({"promote", "dc2-a"}, NamesOf(PromotePoints(), /*all=*/false)));
  EXPECT_EQ(WaitForPrimary(), "dc2-a");
  ExpectOneHistory();
  ExpectHonest("dc2-a");
}

TEST_F(PromoteWatchedStepsTest, APromotionPassesThesePointsAndNoOthers) {
  const CommandResult promoted = CarryOut({"promote", "dc2-a"});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_THAT(FirstHits(playground_.HitsOf("dc2-a")),
              ElementsAreArray(NamesOf(PromotePoints(), /*all=*/true)));
}

}  // namespace
}  // namespace holdfast::testing
