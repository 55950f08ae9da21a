// Both sites were forced on by two operators: both branches are shown, one is chosen by its name, and the
// other one goes to salvage (R20, I6).
#include <gmock/gmock.h>

#include "storage/salvage_file.h"
#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::HasSubstr;

// p and y are in dc1; a, b, x and z in dc2. Each site took commits of its own, three here and two there.
class ForkedTest : public PromotionTest {
 protected:
  void Fork() {
    Add("y", v1::NODE_KIND_PROXY);
    Begin();
    if (nodes_.contains("away")) node("away").Kill();
    common_ = CommitEverywhere("k");
    ASSERT_TRUE(RunUntilShown("y", common_));
    for (const char* one : {"p", "y"}) {
      for (const char* other : {"a", "b", "x", "z"}) {
        network_.Cut(one, other);
        network_.Cut(other, one);
        network_.Reset(one, other);
      }
    }
    v1::Overrides overrides;
    overrides.set_accept_unknown_loss(true);
    Promote("p", overrides, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
    const v1::Operation done = Promote("a");
    ASSERT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN) << done.DebugString();
    for (const char* value : {"1", "2", "3"}) dc1_ = Commit("p", "dc1", value);
    ASSERT_TRUE(RunUntilShown("y", dc1_));
    for (const char* value : {"1", "2"}) dc2_ = Commit("a", "dc2", value);
    for (const char* id : {"a", "b", "x", "z"}) ASSERT_TRUE(RunUntilShown(id, dc2_)) << id;
  }
  // Both primaries are gone, and everybody else meets again.
  void LosePrimariesAndHeal() {
    node("p").Kill();
    node("a").Kill();
    network_.HealAll();
    time_.RunFor(absl::Seconds(5));
  }
  static v1::Overrides Choose(const std::string& name) {
    v1::Overrides overrides;
    overrides.set_choose_branch(name);
    return overrides;
  }
  static std::string NameAt(const v1::Plan& plan, const std::string& node_id) {
    for (const v1::Branch& branch : plan.branches()) {
      for (const std::string& id : branch.nodes()) {
        if (id == node_id) return branch.name();
      }
    }
    return "";
  }
  int SalvageFiles(const std::string& id) {
    const auto files = storage::ListSalvageFiles(&node(id).files(), "/d");
    return files.ok() ? static_cast<int>(files->size()) : -1;
  }
  bool Has(const std::string& id, const Position& position) {
    const auto own = node(id).store().PositionAt(position.revision);
    return own.ok() && *own && **own == position;
  }

  Position common_;
  Position dc1_;
  Position dc2_;
};

TEST_F(ForkedTest, WithoutAChoiceThePlanShowsBothSideBySideAndStops) {
  Fork();
  LosePrimariesAndHeal();
  const v1::Plan plan = PlanAt("b");
  EXPECT_FALSE(plan.admissible());
  EXPECT_EQ(plan.checks(0).name(), "branches");
  ASSERT_EQ(plan.branches_size(), 2);
  EXPECT_EQ(plan.branches(0).records(), 3) << "the EPOCH record and two commits";
  EXPECT_EQ(plan.branches(1).records(), 4);
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast promote b --choose-branch=" + plan.branches(0).name());
  EXPECT_EQ(plan.branches(1).next_command(), "holdfast promote b --choose-branch=" + plan.branches(1).name());
}

TEST_F(ForkedTest, TheCandidatesOwnBranchIsKeptByItsNameAndTheHigherOneGoesToSalvage) {
  Fork();
  LosePrimariesAndHeal();
  const v1::Operation done = Promote("b", Choose(NameAt(PlanAt("b"), "b")));
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_TRUE(Has("b", dc2_));
  EXPECT_TRUE(Follows("y", "b"));
  EXPECT_EQ(SalvageFiles("y"), 1);
  EXPECT_EQ(SalvageFiles("b"), 0);
  const auto newest = replication::NewestEpoch(node("b").store());
  ASSERT_TRUE(newest && newest->epoch);
  EXPECT_THAT(newest->epoch->overrides(0), HasSubstr("--choose-branch=1."));
  ASSERT_EQ(newest->epoch->waived_rules_size(), 1) << "whoever votes for the other branch may not know";
  EXPECT_EQ(newest->epoch->waived_rules(0).voters(0).node_id(), "y");
  // The primaries come back.
  for (const char* id : {"p", "a"}) {
    node(id).Start();
    ASSERT_TRUE(time_.RunUntil([&] { return !node(id).replica().CanAdmit().ok(); }, absl::Seconds(30)));
    time_.RunFor(absl::Seconds(5));
    EXPECT_TRUE(node(id).replica().Rejoin().ok()) << v1::NodeRole_Name(node(id).role());
    EXPECT_TRUE(Follows(id, "b")) << id;
    EXPECT_EQ(node(id).store().state_digest(), node("b").store().state_digest());
  }
  EXPECT_EQ(SalvageFiles("p"), 1);
}

TEST_F(ForkedTest, TheOtherBranchIsHarvestedWhenItIsTheOneThatIsChosen) {
  Fork();
  LosePrimariesAndHeal();
  const v1::Operation done = Promote("b", Choose(NameAt(PlanAt("b"), "y")));
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.harvested_from(), "y");
  EXPECT_EQ(done.harvested(), 4);
  EXPECT_TRUE(Has("b", dc1_));
  EXPECT_EQ(SalvageFiles("b"), 1) << "I6: what it has shown itself";
  for (const char* id : {"x", "z"}) {
    EXPECT_TRUE(Follows(id, "b")) << id;
    EXPECT_EQ(SalvageFiles(id), 1) << id;
  }
}

TEST_F(ForkedTest, WhoWasAwaySinceBeforeTheForkIsFedTheChosenBranchWithoutAGap) {
  Add("away", v1::NODE_KIND_PROXY);
  Fork();
  LosePrimariesAndHeal();
  const v1::Operation done = Promote("b", Choose(NameAt(PlanAt("b"), "y")));
  ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  node("away").Start();
  EXPECT_TRUE(Follows("away", "b"));
  EXPECT_TRUE(Has("away", dc1_));
}

// From the harvest to the new epoch's commit everybody shows the fork, which may be hours old. What was said
// of the branch that they have left says nothing of that.
TEST_F(ForkedTest, NoBoundOfFreshnessOutlivesTheBranchThatItSpokeOf) {
  Fork();
  LosePrimariesAndHeal();
  ASSERT_TRUE(node("b").replica().FreshAt() && node("x").replica().FreshAt());
  const v1::Plan plan = PlanAt("b", Choose(NameAt(PlanAt("b"), "y")));
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  auto running = Start("b", Of(plan));
  running->on_step = [this](const std::string& step) {
    if (step != "open") return;
    // One voter is not enough.
    for (const char* id : {"y", "z"}) {
      network_.Cut("b", id), network_.Cut(id, "b"), network_.Reset("b", id);
      network_.Cut("x", id), network_.Cut(id, "x"), network_.Reset("x", id);
    }
  };
  ASSERT_TRUE(RunUntilStep(*running, "open"));
  const Position epoch = node("b").store().appended();
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == epoch; }, absl::Seconds(10)));
  time_.RunFor(absl::Seconds(3));
  ASSERT_LT(node("b").store().visible().revision, epoch.revision) << plan.DebugString();
  EXPECT_EQ(node("b").role(), v1::NODE_ROLE_PRIMARY);
  EXPECT_EQ(node("b").replica().FreshAt(), std::nullopt);
  EXPECT_EQ(node("x").replica().FreshAt(), std::nullopt);
  network_.HealAll();
  EXPECT_EQ(End(*running).state(), v1::OPERATION_STATE_DONE);
  EXPECT_EQ(node("b").replica().FreshAt(), absl::InfiniteDuration());
  EXPECT_TRUE(time_.RunUntil([&] { return node("x").replica().FreshAt().has_value(); }, absl::Seconds(5)));
}

// The other branch is met only when the promises are given: nothing is cut, and nothing is appended.
TEST_F(ForkedTest, ABranchThatIsMetOnTheWayEndsItBeforeAnythingIsCut) {
  Fork();
  node("p").Kill();
  node("a").Kill();
  // It has seen higher numbers than the other site's: what it asks for is not refused there.
  ASSERT_TRUE(GivePromise("b", 66, "b").ok());
  const v1::Plan plan = PlanAt("b");
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  network_.HealAll();
  auto running = Start("b", Of(plan));
  ASSERT_TRUE(time_.RunUntil([&] { return running->promotion->has_ended(); }, absl::Seconds(60)));
  const v1::Operation& ended = running->promotion->operation();
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(ended.error_reason(), "CHECK_FAILED");
  EXPECT_THAT(ended.error(), HasSubstr("--choose-branch=64."));
  EXPECT_EQ(node("b").store().appended(), dc2_);
  EXPECT_EQ(SalvageFiles("b"), 0);
}

// R17: of two that act, the lower one fences itself on contact. It keeps its log until it rejoins, so that a
// person may still choose its branch.
TEST_F(ForkedTest, OfTwoActingPrimariesTheLowerOneStopsAndItsBranchMayStillBeChosen) {
  Fork();
  network_.HealAll();
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = node("p").store().node().promise();
  node("p").strand().Post(
      [&] { node("p").transport().Promise("a", request, absl::Seconds(1), [](const auto&) {}); });
  ASSERT_TRUE(time_.RunUntil([&] { return !node("a").replica().CanAdmit().ok(); }, absl::Seconds(30)));
  EXPECT_EQ(node("a").store().appended(), dc2_);
  const v1::Plan blocked = PlanAt("a");
  EXPECT_FALSE(blocked.admissible());
  const std::string name = NameAt(blocked, "a");
  ASSERT_FALSE(name.empty()) << blocked.DebugString();
  const v1::Operation done = Promote("a", Choose(name));
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_TRUE(Has("a", dc2_));
  EXPECT_NE(node("p").role(), v1::NODE_ROLE_PRIMARY) << "it has promised";
  ASSERT_TRUE(node("p").replica().Rejoin().ok());
  for (const char* id : {"p", "y", "b", "x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  EXPECT_EQ(SalvageFiles("p"), 1);
}

// A former primary answers reads of what it has shown: it takes the other branch as a follower only.
TEST_F(ForkedTest, AFormerPrimaryIsNotMadeToTakeTheOtherBranchByAPromotion) {
  Fork();
  node("p").Kill();
  network_.HealAll();
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = Promise(129, "b");
  ASSERT_TRUE(node("a").replica().AcceptPromise(request).ok());
  const std::string other = NameAt(PlanAt("a"), "y");
  ASSERT_FALSE(other.empty());
  const v1::Plan plan = PlanAt("a", Choose(other));
  EXPECT_FALSE(plan.admissible());
  EXPECT_EQ(plan.checks(0).name(), "branches");
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast rejoin a");
}

// Killed after each step, with a choice that cuts its own branch, it ends the same.
TEST_F(ForkedTest, AfterAPowerCutAtAnyStepTheChoiceStillHolds) {
  for (const char* last_step : {"promises", "harvest", "judge", "epoch", "open"}) {
    SCOPED_TRACE(last_step);
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    network_.HealAll();
    Fork();
    LosePrimariesAndHeal();
    const v1::Plan plan = PlanAt("b", Choose(NameAt(PlanAt("b"), "y")));
    ASSERT_TRUE(plan.admissible()) << plan.DebugString();
    auto running = Start("b", Of(plan), last_step);
    ASSERT_TRUE(time_.RunUntil(
        [&] { return std::count(running->steps.begin(), running->steps.end(), last_step) > 0; },
        absl::Seconds(60)));
    running.reset();
    node("b").Kill();
    node("b").Start();
    time_.RunFor(absl::Seconds(1));
    Journal journal(&node("b").store().node());
    const auto operations = journal.List();
    ASSERT_TRUE(operations.ok() && !operations->empty());
    auto again = Start("b", operations->front());
    ASSERT_TRUE(time_.RunUntil([&] { return again->promotion->has_ended(); }, absl::Seconds(60)));
    EXPECT_EQ(again->promotion->operation().state(), v1::OPERATION_STATE_DONE)
        << again->promotion->operation().DebugString();
    EXPECT_TRUE(Has("b", dc1_));
    EXPECT_EQ(SalvageFiles("b"), 1);
  }
}

}  // namespace
}  // namespace holdfast::failover
