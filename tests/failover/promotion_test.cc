// The driver of a promotion over real replicas and stores, on memory disks and a simulated network.
#include <gmock/gmock.h>

#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

TEST_F(PromotionTest, AStandbyTakesOverFromALostSiteAndNothingIsLost) {
  Begin();
  const Position last = CommitEverywhere("k");
  Isolate("p");
  time_.RunFor(absl::Seconds(30));
  EXPECT_EQ(ReasonOf(node("x").replica().CanAdmit()), "NO_PRIMARY");
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_EQ(node("a").role(), v1::NODE_ROLE_PRIMARY);
  for (const char* id : {"x", "z"})
    EXPECT_EQ(ReasonOf(node(id).replica().CanAdmit()), "NOT_PRIMARY")
        << "whoever has arrived knows where to go";
  EXPECT_TRUE(node("a").store().PositionAt(last.revision)->has_value());
  EXPECT_EQ(Revision(done.epoch_revision()), Revision(done.plan().epoch(), last.revision.index() + 1));
  for (const char* id : {"b", "x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  ASSERT_EQ(done.remains_size(), 1);
  EXPECT_THAT(done.remains(0), HasSubstr("holdfast rejoin p"));
  EXPECT_TRUE(node("a").replica().CanAdmit().ok());
  const Position next = Commit("a", "k", "2");
  EXPECT_TRUE(RunUntilShown("x", next));
}

TEST_F(PromotionTest, TheFreshestNodeIsAProxyAndItsRecordsAreHarvested) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "z"}) {
    network_.Cut("p", id);
    network_.Reset("p", id);
  }
  // x alone has them: not acknowledged, and kept all the same (R6).
  Position last;
  for (int i = 0; i < 5; ++i) last = Commit("p", "more", std::to_string(i));
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == last; }, absl::Seconds(10)));
  Isolate("p");
  for (const char* id : {"a", "b", "z"}) EXPECT_LT(node(id).store().appended().revision, last.revision);
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.harvested(), 5);
  EXPECT_EQ(done.harvested_from(), "x");
  EXPECT_EQ(**node("a").store().PositionAt(last.revision), last);
  EXPECT_TRUE(Follows("b", "a"));
}

TEST_F(PromotionTest, OneDeadVoterOfThreeChangesNothing) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  node("b").Kill();
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN);
}

TEST_F(PromotionTest, TwoDeadVotersAreRefusedAndCarriedOutUnderTheNamedOverride) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  node("b").Kill();
  node("x").Kill();
  const v1::Plan refused = PlanAt("a");
  EXPECT_FALSE(refused.admissible());
  EXPECT_TRUE(node("a").store().node().promise().epoch() == 0) << "a plan promises nothing";
  v1::Overrides overrides;
  overrides.set_accept_unknown_loss(true);
  const v1::Operation done = Promote("a", overrides);
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
  const auto newest = replication::NewestEpoch(node("a").store());
  ASSERT_TRUE(newest && newest->epoch);
  EXPECT_EQ(newest->epoch->waived_rules_size(), 1) << "R20: what was waived is in the record";
}

// Simulator seed 1071: what it knows committed is compacted everywhere else, and on no other branch.
TEST_F(PromotionTest, ANodeFarBehindTheFloorBlocksNothing) {
  Begin();
  CommitEverywhere("k");
  Isolate("z");
  const Position behind = node("z").store().visible();
  for (int i = 0; i < 5; ++i) Commit("p", "more", std::to_string(i));
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = Commit("p", "k", "2").revision;
  const Position last = Append("p", compact);
  for (const char* id : {"a", "b", "x"}) ASSERT_TRUE(RunUntilShown(id, last)) << id;
  absl::StatusOr<bool> more = true;
  while (more.ok() && *more) more = node("a").store().Maintain();
  ASSERT_TRUE(more.ok()) << more.status();
  network_.HealAll();
  Isolate("p");
  ASSERT_EQ(node("z").store().visible(), behind);
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN) << done.DebugString();
  EXPECT_TRUE(done.verdict().other_branch().empty());
  EXPECT_TRUE(Follows("z", "a")) << "by a snapshot";
}

// I8: what is refused has changed nothing that a client can see, and names the promises that remain.
TEST_F(PromotionTest, PromisesThatProveLessThanThePlanEndItBeforeTheRecord) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  const v1::Plan plan = PlanAt("a");
  node("b").Kill();
  node("x").Kill();
  auto running = Start("a", Of(plan));
  ASSERT_TRUE(time_.RunUntil([&] { return running->promotion->has_ended(); }, absl::Seconds(60)));
  const v1::Operation& ended = running->promotion->operation();
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK);
  EXPECT_EQ(ended.error_reason(), "VERDICT_WORSE");
  EXPECT_THAT(ended.promises_left(), IsSupersetOf({"a", "z"})) << "its own, and z's";
  EXPECT_EQ(node("a").store().appended().revision.epoch(), 0u);
}

TEST_F(PromotionTest, TheOldPrimaryThatIsOnlyCutOffFencesItselfOnContact) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  const Position orphan = Commit("p", "orphan", "1");
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_LT(node("p").store().visible().revision, orphan.revision) << "nothing was acknowledged";
  for (auto& [id, unused] : nodes_) {
    network_.Heal("p", id);
    network_.Heal(id, "p");
  }
  // Somebody of the new epoch asks it anything.
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = node("a").store().node().promise();
  node("a").strand().Post(
      [&] { node("a").transport().Promise("p", request, absl::Seconds(1), [](const auto&) {}); });
  ASSERT_TRUE(time_.RunUntil([&] { return !node("p").replica().CanAdmit().ok(); }, absl::Seconds(30)));
  ASSERT_TRUE(node("p").replica().Rejoin().ok());
  EXPECT_TRUE(Follows("p", "a"));
}

// Every step may be the last one of its process: begun again from the journal, the end is the same.
TEST_F(PromotionTest, AfterAPowerCutAtAnyStepItEndsTheSame) {
  for (const char* last_step :
       {"promise-self", "promises", "harvest", "judge", "epoch", "open", "converge"}) {
    SCOPED_TRACE(last_step);
    BeginAnew();
    CommitEverywhere("k");
    const Position last = CommitOnlyAtX();
    const v1::Plan plan = PlanAt("a");
    ASSERT_TRUE(plan.admissible());
    auto running = Start("a", Of(plan), last_step);
    ASSERT_TRUE(time_.RunUntil(
        [&] { return std::count(running->steps.begin(), running->steps.end(), last_step) > 0; },
        absl::Seconds(60)))
        << ::testing::PrintToString(running->steps);
    running.reset();
    node("a").Kill();
    node("a").Start();
    time_.RunFor(absl::Seconds(1));
    Journal journal(&node("a").store().node());
    const absl::StatusOr<std::vector<v1::Operation>> operations = journal.List();
    ASSERT_TRUE(operations.ok()) << operations.status();
    ASSERT_EQ(operations->size(), 1u);
    auto again = Start("a", operations->front());
    ASSERT_TRUE(time_.RunUntil([&] { return again->promotion->has_ended(); }, absl::Seconds(60)));
    EXPECT_EQ(again->promotion->operation().state(), v1::OPERATION_STATE_DONE)
        << again->promotion->operation().DebugString();
    EXPECT_EQ(**node("a").store().PositionAt(last.revision), last);
    EXPECT_EQ(replication::EpochStarts(node("a").store()).size(), 2u) << "R7: one EPOCH record";
    for (const char* id : {"b", "x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  }
}

// F7: a promise stops the primary; it comes back with an epoch of its own, and nothing is lost.
TEST_F(PromotionTest, WhatWasGivenUpIsTakenBackByTheOldPrimary) {
  Begin();
  const Position last = CommitEverywhere("k");
  v1::Plan plan = PlanAt("a");
  EXPECT_FALSE(plan.admissible()) << "the primary is healthy";
  plan.mutable_verdict()->set_kind(v1::VERDICT_KIND_PROVEN);
  auto running = Start("a", Of(plan));
  ASSERT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_SUSPENDED; }, absl::Seconds(10)));
  node("a").strand().Post([&] { running->promotion->Abort().IgnoreError(); });
  ASSERT_TRUE(time_.RunUntil([&] { return running->promotion->has_ended(); }, absl::Seconds(10)));
  EXPECT_EQ(running->promotion->operation().state(), v1::OPERATION_STATE_ROLLED_BACK);
  running.reset();
  const v1::Plan back = PlanAt("p", {}, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  ASSERT_TRUE(back.admissible()) << back.DebugString();
  auto again = Start("p", Of(back));
  ASSERT_TRUE(time_.RunUntil([&] { return again->promotion->has_ended(); }, absl::Seconds(60)));
  EXPECT_EQ(again->promotion->operation().state(), v1::OPERATION_STATE_DONE)
      << again->promotion->operation().DebugString();
  EXPECT_EQ(**node("p").store().PositionAt(last.revision), last);
  EXPECT_TRUE(Follows("a", "p"));
}

// The voters die right behind the record: it ends, says what it waits for, and can be gone on with.
TEST_F(PromotionTest, WithoutItsNewVotersItEndsIncompleteAndIsGoneOnWith) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  const v1::Plan plan = PlanAt("a");
  TestNode& candidate = node("a");
  auto running = Start("a", Of(plan));
  ASSERT_TRUE(time_.RunUntil([&] { return candidate.store().appended().revision.epoch() == plan.epoch(); },
                             absl::Seconds(30)));
  for (const char* id : {"b", "x", "z"}) node(id).Kill();
  ASSERT_TRUE(time_.RunUntil([&] { return running->promotion->has_ended(); }, absl::Seconds(60)));
  v1::Operation ended = running->promotion->operation();
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_INCOMPLETE) << ended.DebugString();
  ASSERT_GT(ended.remains_size(), 0);
  EXPECT_THAT(ended.remains(0), HasSubstr("holdfast operation resume op-of-a"));
  EXPECT_EQ(ended.steps().rbegin()->name(), "open");
  EXPECT_EQ(ended.steps().rbegin()->state(), v1::OPERATION_STATE_INCOMPLETE) << "the step has not succeeded";
  running.reset();
  for (const char* id : {"b", "x", "z"}) node(id).Start();
  auto again = Start("a", ended);
  time_.RunFor(absl::Milliseconds(1));
  ASSERT_TRUE(time_.RunUntil([&] { return again->promotion->has_ended(); }, absl::Seconds(60)));
  EXPECT_EQ(again->promotion->operation().state(), v1::OPERATION_STATE_DONE)
      << again->promotion->operation().DebugString();
}

// F22: a voter that is slow to promise must not be left out of the next epoch.
TEST_F(PromotionTest, ASlowVoterStillVotesNext) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  const v1::Plan plan = PlanAt("a");
  ASSERT_EQ(plan.new_rule().voters_size(), 3);
  network_.Cut("a", "x");
  auto running = Start("a", Of(plan));
  time_.RunFor(absl::Milliseconds(500));
  network_.Heal("a", "x");
  ASSERT_TRUE(time_.RunUntil([&] { return running->promotion->has_ended(); }, absl::Seconds(60)));
  const v1::Operation& ended = running->promotion->operation();
  const auto newest = replication::NewestEpoch(node("a").store());
  ASSERT_TRUE(newest && newest->rule);
  // Asked in vain it may be missing; then the quorum holds all the same, or nothing was begun.
  EXPECT_TRUE(ended.state() == v1::OPERATION_STATE_ROLLED_BACK || newest->rule->quorum() == 2)
      << ended.DebugString();
}

// Two candidates at once: the higher epoch wins, and the other one says who has it.
TEST_F(PromotionTest, TheOtherStandbyTakesOverAfterEveryStep) {
  for (const char* last_step :
       {"promise-self", "promises", "harvest", "judge", "epoch", "open", "converge"}) {
    SCOPED_TRACE(last_step);
    BeginAnew();
    CommitEverywhere("k");
    const Position last = CommitOnlyAtX();
    auto running = Start("a", Of(PlanAt("a")), last_step);
    ASSERT_TRUE(time_.RunUntil(
        [&] { return std::count(running->steps.begin(), running->steps.end(), last_step) > 0; },
        absl::Seconds(60)));
    running.reset();
    node("a").Kill();
    const v1::Plan plan = PlanAt("b");
    ASSERT_TRUE(plan.admissible()) << plan.DebugString();
    auto over = Start("b", Of(plan));
    ASSERT_TRUE(time_.RunUntil([&] { return over->promotion->has_ended(); }, absl::Seconds(60)));
    EXPECT_EQ(over->promotion->operation().state(), v1::OPERATION_STATE_DONE)
        << over->promotion->operation().DebugString();
    EXPECT_EQ(**node("b").store().PositionAt(last.revision), last);
    // The first one is back, and what it says is true.
    node("a").Start();
    time_.RunFor(absl::Seconds(1));
    Journal journal(&node("a").store().node());
    const absl::StatusOr<std::vector<v1::Operation>> operations = journal.List();
    ASSERT_TRUE(operations.ok() && !operations->empty());
    if (operations->front().state() != v1::OPERATION_STATE_RUNNING) continue;
    auto again = Start("a", operations->front());
    ASSERT_TRUE(time_.RunUntil([&] { return again->promotion->has_ended(); }, absl::Seconds(60)));
    const v1::OperationState state = again->promotion->operation().state();
    const bool was_begun = std::string(last_step) == "open" || std::string(last_step) == "converge";
    if (was_begun) {
      EXPECT_TRUE(state == v1::OPERATION_STATE_UNKNOWN || state == v1::OPERATION_STATE_INCOMPLETE)
          << again->promotion->operation().DebugString();
    } else {
      EXPECT_NE(state, v1::OPERATION_STATE_DONE) << again->promotion->operation().DebugString();
    }
    if (node("a").role() == v1::NODE_ROLE_SUSPENDED || node("a").role() == v1::NODE_ROLE_FENCED) {
      EXPECT_TRUE(node("a").replica().Rejoin().ok());
    }
    EXPECT_TRUE(Follows("a", "b"));
  }
}

}  // namespace
}  // namespace holdfast::failover
