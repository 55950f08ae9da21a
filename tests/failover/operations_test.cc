// What one operation leaves to the next plan of its node.
#include "tests/failover/operations_fixture.h"

namespace holdfast::failover {
namespace {

TEST_F(OperationsTest, WhoCouldNotGiveItsRecordsIsRememberedForAWhileOnly) {
  Begin();
  for (const char* id : {"a", "b", "z"}) {
    network_.Cut("p", id);
    network_.Reset("p", id);
  }
  const Position last = Commit("p", "k", "only at x");
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == last; }, absl::Seconds(10)));
  Isolate("p");
  Kill("b");
  on_step = [this](const std::string& step) {
    if (step == "harvest") network_.Cut("a", "x");
  };
  Start("a", v1::OPERATION_KIND_PROMOTE);
  EXPECT_EQ(End("a").error_reason(), "VERDICT_WORSE") << Newest("a").DebugString();
  on_step = nullptr;
  network_.Heal("a", "x");
  time_.RunFor(absl::Minutes(1));
  EXPECT_EQ(PlanAt("a", v1::OPERATION_KIND_PROMOTE).verdict().kind(), v1::VERDICT_KIND_BOUNDED);
  time_.RunFor(absl::Minutes(10));
  EXPECT_EQ(PlanAt("a", v1::OPERATION_KIND_PROMOTE).verdict().kind(), v1::VERDICT_KIND_PROVEN);
  Start("a", v1::OPERATION_KIND_PROMOTE);
  EXPECT_EQ(End("a").state(), v1::OPERATION_STATE_DONE) << Newest("a").DebugString();
  EXPECT_EQ(**node("a").store().PositionAt(last.revision), last);
}

}  // namespace
}  // namespace holdfast::failover
