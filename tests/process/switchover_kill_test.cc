// A switchover is broken off after each of its steps, under commits: its candidate is killed and the
// operation resumed, or not; the old primary is killed while it hands back; the command is killed. Each time
// there is one primary in the end, without anybody's help, and nothing acknowledged is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/process/operation_fixture.h"
#include "tests/process/operation_points.h"

namespace holdfast::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAreArray;

class BothSitesTest : public OperationTest {
 protected:
  void SetUp() override {
    OperationTest::SetUp();
    CommitAll(2);
  }
  // Begins a switchover to dc2-a, under commits, in which `node` ends at `point`.
  std::unique_ptr<CommandBeside> SwitchUntil(const std::string& node, const std::string& point) {
    const std::vector<std::string> command = {"switchover", "dc2-a"};
    std::vector<std::string> confirmed = command;
    confirmed.insert(confirmed.end(), {"--yes", "--plan", PlanOf(command), "-o", "json"});
    WriteBeside({"dc2-p1", "dc1-p1"});
    Arm(node, {point + "=kill"});
    auto beside = Beside(confirmed);
    EXPECT_TRUE(WaitUntilDead(node)) << point << playground_.Logs();
    return beside;
  }
  // Commits are acknowledged again.
  void ExpectCommitsGoOn() {
    const int64_t before = acknowledged_count();
    EXPECT_TRUE(Eventually(kPatience, [&] { return acknowledged_count() > before; }))
        << playground_.Holdfast({"status"}).out << playground_.Logs();
  }
};

class SwitchoverStepsTest : public BothSitesTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(SwitchoverStepsTest, ItsCandidateIsKilledAndTheOperationResumed) {
  const auto command = SwitchUntil("dc2-a", GetParam());
  playground_.Restart("dc2-a");
  const CommandResult& broken_off = command->Result();
  EXPECT_THAT(broken_off.exit_status, AnyOf(0, 5)) << broken_off.out << broken_off.err << playground_.Logs();
  for (const v1::Operation& operation : OperationsOf("dc2-a")) {
    if (operation.state() != v1::OPERATION_STATE_RUNNING) continue;
    // Done; or the old primary has its role back, and nothing has changed.
    const CommandResult resumed = playground_.Holdfast({"operation", "resume", operation.operation_id()});
    EXPECT_THAT(resumed.exit_status, AnyOf(0, 4, 5, 6)) << resumed.out << resumed.err << playground_.Logs();
  }
  ExpectCommitsGoOn();
  ExpectOneHistory();
  ExpectHonest("dc2-a");
  ExpectHonest("dc1-a");
}

TEST_P(SwitchoverStepsTest, ItsCandidateIsKilledAndStaysAway) {
  const auto command = SwitchUntil("dc2-a", GetParam());
  command->Kill();
  // The old primary goes on as it is, or takes its role back. If the new epoch was open, it had let go for
  // good, and the other standby is promoted.
  bool has_let_go = false;
  const int64_t before = acknowledged_count() + 1;  // one may have been on its way
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const auto status = StatusOf("dc1-a");
    has_let_go = status && status->header().role() == v1::NODE_ROLE_STANDBY;
    return has_let_go || acknowledged_count() > before;
  })) << playground_.Logs();
  if (has_let_go) {
    const CommandResult promoted = CarryOut({"promote", "dc2-b"});
    EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  }
  ExpectCommitsGoOn();
  playground_.Restart("dc2-a");
  for (const v1::Operation& operation : OperationsOf("dc2-a")) {
    if (operation.state() != v1::OPERATION_STATE_RUNNING) continue;
    const CommandResult resumed = playground_.Holdfast({"operation", "resume", operation.operation_id()});
    EXPECT_THAT(resumed.exit_status, AnyOf(0, 4, 5, 6)) << resumed.out << resumed.err << playground_.Logs();
  }
  ExpectOneHistory();
  ExpectHonest("dc2-a");
  ExpectHonest("dc1-a");
}

INSTANTIATE_TEST_SUITE_P(, SwitchoverStepsTest, ::testing::ValuesIn(Chosen(SwitchoverPoints())), PointName);

// The old primary: as it stops, promises, and comes to the new one.
class HandBackStepsTest : public BothSitesTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(HandBackStepsTest, TheOldPrimaryIsKilledAndComesBack) {
  const auto command = SwitchUntil("dc1-a", GetParam());
  playground_.Restart("dc1-a");
  const CommandResult& switched = command->Result();
  // Done, with one that comes later; or rolled back, and the old primary goes on by itself.
  EXPECT_THAT(switched.exit_status, AnyOf(0, 4, 6)) << switched.out << switched.err << playground_.Logs();
  ExpectCommitsGoOn();
  ExpectOneHistory();
  ExpectHonest("dc2-a");
  ExpectHonest("dc1-a");
}

INSTANTIATE_TEST_SUITE_P(, HandBackStepsTest,
                         ::testing::Values("freeze.after-hold", "promise.before-store", "promise.after-store",
                                           "hand-back.before-rejoin", "rejoin.after-note"),
                         PointName);

class SwitchoverWatchedStepsTest : public BothSitesTest {};

TEST_F(SwitchoverWatchedStepsTest, TheCommandIsKilledAfterEachStepAndAnotherOneAttaches) {
  ASSERT_NO_FATAL_FAILURE(WatchInTurns({"switchover", "dc2-a"}, NamesOf(SwitchoverPoints(), /*all=*/false)));
  EXPECT_EQ(WaitForPrimary(), "dc2-a");
  ExpectOneHistory();
  ExpectHonest("dc2-a");
}

TEST_F(SwitchoverWatchedStepsTest, ASwitchoverPassesThesePointsAndNoOthers) {
  const CommandResult switched = CarryOut({"switchover", "dc2-a"});
  EXPECT_EQ(switched.exit_status, 0) << switched.out << switched.err << playground_.Logs();
  EXPECT_THAT(FirstHits(playground_.HitsOf("dc2-a")),
              ElementsAreArray(NamesOf(SwitchoverPoints(), /*all=*/true)));
}

}  // namespace
}  // namespace holdfast::testing
