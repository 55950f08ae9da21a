// What gets in the way of an operation while it runs: a voter that says it cannot promise, a disk that is
// full at any of its writes, somebody who overtakes it, a record that changes under it.
#include <gmock/gmock.h>

#include <set>

#include "tests/failover/operations_fixture.h"
#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class InterruptionTest : public PromotionTest {
 protected:
  // It answers, says that it has not looked at its log yet, and promises nothing.
  void RestartWithoutItsData(const std::string& id) {
    node(id).Kill();
    node(id).Start();
    storage::DiskFault fault;
    fault.operations = {storage::DiskOperation::kRead};
    fault.path_suffix = "/data.db";
    fault.fail_count = storage::DiskFault::kForever;
    node(id).disk().AddFault(fault);
    time_.RunFor(absl::Seconds(2));
  }
};

TEST_F(InterruptionTest, ANodeThatAnswersAndCannotPromiseCountsForNothing) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  node("b").Kill();
  RestartWithoutItsData("x");
  const v1::Plan plan = PlanAt("a");
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN) << plan.verdict().DebugString();
  EXPECT_FALSE(plan.admissible());
  ASSERT_EQ(plan.verdict().rules_size(), 1);
  EXPECT_THAT(plan.verdict().rules(0).promised(), ::testing::ElementsAre("a"));
}

// Between the plan and the promises: the plan counted on it.
TEST_F(InterruptionTest, AVoterThatCannotPromiseAnyMoreEndsItBeforeTheRecord) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  node("b").Kill();
  const v1::Plan plan = PlanAt("a");
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  RestartWithoutItsData("x");
  const v1::Operation ended = End(*Start("a", Of(plan)));
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(ended.error_reason(), "VERDICT_WORSE");
  EXPECT_EQ(node("a").store().appended().revision.epoch(), 0u);
}

// It promises, and the records that it alone has do not come.
TEST_F(InterruptionTest, AHarvestThatFailsIsNotCalledDone) {
  Begin();
  CommitEverywhere("k");
  CommitOnlyAtX();
  node("b").Kill();
  auto running = Start("a", Of(PlanAt("a")));
  running->on_step = [this](const std::string& step) {
    if (step == "harvest") network_.Cut("a", "x");
  };
  const v1::Operation ended = End(*running);
  EXPECT_EQ(ended.error_reason(), "VERDICT_WORSE") << ended.DebugString();
  EXPECT_THAT(ended.cannot_give(), ::testing::ElementsAre("x"));
  const auto harvest = std::find_if(ended.steps().begin(), ended.steps().end(),
                                    [](const v1::OperationStep& step) { return step.name() == "harvest"; });
  ASSERT_NE(harvest, ended.steps().end());
  EXPECT_EQ(harvest->state(), v1::OPERATION_STATE_INCOMPLETE);
  EXPECT_THAT(harvest->detail(), HasSubstr("'x' cannot give its records"));
}

// Who had not come when it ended is looked for again, and is one node all the same.
TEST_F(InterruptionTest, WhatIsResumedCountsEveryNodeOnce) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  RestartWithoutItsData("z");
  const v1::Operation ended = End(*Start("a", Of(PlanAt("a"))));
  ASSERT_EQ(ended.state(), v1::OPERATION_STATE_INCOMPLETE) << ended.DebugString();
  EXPECT_EQ(ended.arrivals_size(), 4);
  node("z").disk().ClearFaults();
  auto again = Start("a", ended);
  time_.RunFor(absl::Milliseconds(1));
  const v1::Operation done = End(*again);
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  std::vector<std::string> arrivals;
  for (const v1::NodeArrival& arrival : done.arrivals()) arrivals.push_back(arrival.node_id());
  EXPECT_THAT(arrivals, ::testing::ElementsAre("b", "p", "x", "z"));
  EXPECT_THAT(done.steps().rbegin()->detail(), HasSubstr("3 of 4 other nodes follow"));
}

// After a restart its data cannot be read at first: its role says nothing then, and nobody has overtaken it.
TEST_F(InterruptionTest, WhatIsBehindItsRecordWaitsUntilItsNodeCanBegin) {
  for (const absl::Duration away : {absl::Seconds(3), absl::Seconds(40)}) {
    SCOPED_TRACE(away);
    BeginAnew();
    CommitEverywhere("k");
    Isolate("p");
    auto running = Start("a", Of(PlanAt("a")), "open");
    ASSERT_TRUE(RunUntilStep(*running, "open"));
    running.reset();
    RestartWithoutItsData("a");
    auto again = Start("a", Journaled("a"));
    time_.RunFor(away);
    if (away > absl::Seconds(20)) {
      const v1::Operation ended = End(*again);
      EXPECT_EQ(ended.state(), v1::OPERATION_STATE_INCOMPLETE) << ended.DebugString();
      ASSERT_EQ(ended.remains_size(), 1);
      EXPECT_THAT(ended.remains(0), HasSubstr("this node cannot begin yet"));
      again = Start("a", ended);
    }
    node("a").disk().ClearFaults();
    time_.RunFor(absl::Milliseconds(1));
    const v1::Operation done = End(*again);
    EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
    for (const char* id : {"b", "x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  }
}

// I8, I9: whichever write is the first without room, it ends, says the truth, and when there is room again
// somebody becomes primary with everything.
TEST_F(InterruptionTest, AFullDiskAtAnyWriteLosesNothingAndIsGoneOnFrom) {
  std::set<v1::OperationState> ends;
  constexpr int kStride = 5;  // the writes of one transaction fail alike
  bool has_room_for_all = false;
  for (int64_t room = 0; !has_room_for_all; room += kStride) {
    SCOPED_TRACE(room);
    ASSERT_LT(room, 1000);
    BeginAnew();
    CommitEverywhere("k");
    const Position last = CommitOnlyAtX();
    const v1::Plan plan = PlanAt("a");
    ASSERT_TRUE(plan.admissible());
    storage::DiskFault full;
    full.operations = {storage::DiskOperation::kWrite};
    full.pass_count = room;
    full.fail_count = storage::DiskFault::kForever;
    full.error = storage::DiskResult::kNoSpace;
    const int64_t before = node("a").disk().counters().writes;
    node("a").disk().AddFault(full);
    auto running = Start("a", Of(plan));
    const v1::Operation ended = End(*running);
    has_room_for_all = node("a").disk().counters().writes - before < room;
    ends.insert(ended.state());
    EXPECT_NE(ended.state(), v1::OPERATION_STATE_UNKNOWN) << ended.DebugString();
    EXPECT_EQ(node("a").halted, absl::OkStatus());
    const bool is_written = node("a").store().appended().revision.epoch() == plan.epoch();
    const bool says_nothing_changed =
        ended.state() == v1::OPERATION_STATE_ROLLED_BACK || ended.state() == v1::OPERATION_STATE_REFUSED;
    EXPECT_NE(is_written, says_nothing_changed) << ended.DebugString();
    node("a").disk().ClearFaults();
    running.reset();
    if (!is_written) {
      const v1::Operation done = Promote("a");
      ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
    }
    ASSERT_TRUE(time_.RunUntil([&] { return node("a").replica().CanAdmit().ok(); }, absl::Seconds(30)));
    EXPECT_EQ(**node("a").store().PositionAt(last.revision), last);
    for (const char* id : {"b", "x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  }
  EXPECT_TRUE(ends.contains(v1::OPERATION_STATE_ROLLED_BACK));
  EXPECT_TRUE(ends.contains(v1::OPERATION_STATE_DONE)) << "the last round had room for everything";
}

// In place somebody answers for the site of the voters that are missing. One of a live site that is lost
// meanwhile is another matter.
TEST_F(InterruptionTest, InPlaceNoMoreVotersMayBeMissingThanWereConfirmed) {
  for (const bool is_lost : {false, true}) {
    SCOPED_TRACE(is_lost);
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    for (const char* id : {"p", "a", "b"}) Add(id);
    for (const char* id : {"x", "y", "z"}) Add(id, v1::NODE_KIND_PROXY);
    const auto begun = Init({"a", "b", "x"}, 2);
    ASSERT_TRUE(begun && begun->ok());
    CommitEverywhere("k");
    node("b").Kill();
    node("x").Kill();
    v1::Plan plan = PlanAt("p", {}, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
    ASSERT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
    ASSERT_EQ(plan.new_rule().quorum(), 2u);
    plan.mutable_overrides()->add_assert_sites_down("the site of b and x");
    if (is_lost) node("a").Kill();
    const v1::Operation ended = End(*Start("p", Of(plan)));
    if (!is_lost) {
      EXPECT_EQ(ended.state(), v1::OPERATION_STATE_DONE) << ended.DebugString();
      continue;
    }
    EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
    EXPECT_EQ(ended.error_reason(), "VERDICT_WORSE");
    EXPECT_THAT(ended.error(), HasSubstr("0 of the 2 promises"));
    EXPECT_EQ(node("p").store().appended().revision.epoch(), 0u);
  }
}

// A record of it stands, and a later epoch follows it: it is resumed, and must not call itself undone.
TEST_F(InterruptionTest, WhatWasOvertakenBehindItsRecordIsNeverCalledUndone) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  auto running = Start("a", Of(PlanAt("a")), "open");
  ASSERT_TRUE(RunUntilStep(*running, "open"));
  running.reset();
  node("a").Kill();
  ASSERT_EQ(Promote("b").state(), v1::OPERATION_STATE_DONE);
  node("a").Start();
  time_.RunFor(absl::Seconds(2));
  auto again = Start("a", Journaled("a"));
  time_.RunFor(absl::Milliseconds(1));
  const v1::Operation ended = End(*again);
  EXPECT_TRUE(ended.state() == v1::OPERATION_STATE_UNKNOWN || ended.state() == v1::OPERATION_STATE_INCOMPLETE)
      << ended.DebugString();
  EXPECT_TRUE(ended.promises_left().empty());
}

// Simulator seed 1112: confirmed when nobody else was in reach, and gone on with when another epoch has begun
// and its first records are compacted, so that nobody can give them.
TEST_F(InterruptionTest, AnOverrideThatIsResumedEndsNoEpochThatBeganMeanwhile) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  v1::Overrides overrides;
  overrides.set_accept_unknown_loss(true);
  overrides.set_accept_local(true);
  const v1::Plan plan = PlanAt("p", overrides, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  auto running = Start("p", Of(plan), "epoch");
  ASSERT_TRUE(RunUntilStep(*running, "epoch"));
  running.reset();
  node("p").Kill();
  ASSERT_EQ(Promote("a").state(), v1::OPERATION_STATE_DONE);
  const Position kept = Commit("a", "k", "2");
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = kept.revision;
  const Position last = Append("a", compact);
  for (const char* id : {"b", "x", "z"}) ASSERT_TRUE(RunUntilShown(id, last)) << id;
  network_.HealAll();
  node("p").Start();
  auto again = Start("p", Journaled("p"));
  const v1::Operation ended = End(*again);
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(node("p").store().appended().revision.epoch(), 0u);
  for (const char* id : {"a", "b", "x", "z"}) EXPECT_EQ(node(id).store().visible(), last) << id;
}

// The winner counts on it: with one more node away there is nobody else to vote.
TEST_F(InterruptionTest, WhoIsOvertakenBehindItsRecordFollowsTheOtherAndVotesForIt) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  Isolate("z");
  const v1::Plan of_a = PlanAt("a");
  const v1::Plan of_b = PlanAt("b");
  auto first = Start("a", Of(of_a));
  ASSERT_TRUE(RunUntilStep(*first, "open"));
  auto second = Start("b", Of(of_b));
  const v1::Operation won = End(*second);
  EXPECT_EQ(won.state(), v1::OPERATION_STATE_DONE) << won.DebugString();
  const v1::Operation overtaken = End(*first);
  EXPECT_EQ(overtaken.state(), v1::OPERATION_STATE_UNKNOWN) << overtaken.DebugString();
  EXPECT_THAT(overtaken.error(), HasSubstr("of 'b', operation op-of-b"));
  EXPECT_TRUE(Follows("a", "b"));
}

class OvertakenTest : public OperationsTest {
 protected:
  // a's operation loses its process when `step` begins; b takes over meanwhile; a is back.
  void Overtake(const std::string& step) {
    BeginAnew();
    CommitEverywhere("k");
    Isolate("p");
    Serve("a", step);
    Start("a", v1::OPERATION_KIND_PROMOTE);
    ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), step) > 0; },
                               absl::Seconds(30)));
    Kill("a");
    Start("b", v1::OPERATION_KIND_PROMOTE);
    ASSERT_EQ(End("b").state(), v1::OPERATION_STATE_DONE) << Newest("b").DebugString();
    node("a").Start();
    Serve("a");
    time_.RunFor(absl::Seconds(2));
    ASSERT_EQ(Newest("a").state(), v1::OPERATION_STATE_RUNNING) << "interrupted, and nobody's now";
  }
};

TEST_F(OvertakenTest, WhatWasOvertakenIsAbortedAndNamesThePromisesThatMayRemain) {
  for (const char* step : {"promise-self", "promises", "judge"}) {
    SCOPED_TRACE(step);
    Overtake(step);
    v1::AbortOperationRequest abort;
    abort.set_operation_id(Newest("a").operation_id());
    const auto aborted = operations_["a"]->Abort(abort);
    ASSERT_TRUE(aborted.ok()) << aborted.status();
    EXPECT_EQ(aborted->operation().state(), v1::OPERATION_STATE_ROLLED_BACK);
    if (std::string(step) != "promise-self") {
      EXPECT_THAT(aborted->operation().promises_left(), Contains("x"));
    }
    EXPECT_EQ(ReasonOf(operations_["a"]->Abort(abort).status()), "OPERATION_ENDED");
    EXPECT_EQ(PrimaryBesideP(), "b");
    CommitEverywhere("k");
  }
}

TEST_F(OvertakenTest, WhatWasOvertakenIsResumedAndEndsRolledBackWithoutHarm) {
  for (const char* step : {"promise-self", "promises", "judge"}) {
    SCOPED_TRACE(step);
    Overtake(step);
    v1::ResumeOperationRequest resume;
    resume.set_operation_id(Newest("a").operation_id());
    const auto resumed = operations_["a"]->Resume(resume);
    ASSERT_TRUE(resumed.ok()) << resumed.status();
    const v1::Operation ended = End("a");
    EXPECT_TRUE(ended.state() == v1::OPERATION_STATE_ROLLED_BACK ||
                ended.state() == v1::OPERATION_STATE_REFUSED)
        << ended.DebugString();
    EXPECT_EQ(ended.error_reason(), "PROMISED_ELSEWHERE") << ended.DebugString();
    EXPECT_EQ(PrimaryBesideP(), "b");
    CommitEverywhere("k");
  }
}

// It runs, waits for the last promise, and somebody else's higher epoch comes.
TEST_F(OvertakenTest, WhoIsOvertakenWhileItRunsEndsBeforeItsRecord) {
  Begin();
  Isolate("p");
  const v1::Plan plan = PlanAt("a", v1::OPERATION_KIND_PROMOTE);
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  on_step = [this](const std::string& step) {
    if (step == "promises") network_.Cut("a", "x"), network_.Cut("a", "b");
  };
  ASSERT_TRUE(Confirm("a", plan).ok());
  ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), "promises") > 0; },
                             absl::Seconds(10)));
  on_step = nullptr;
  // b has begun with a higher number, before it could hear of a's operation.
  ASSERT_TRUE(GivePromise("a", 66, "b").ok());
  network_.Heal("a", "x");
  network_.Heal("a", "b");
  const v1::Operation ended = End("a");
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(node("a").store().appended().revision.epoch(), 0u);
}

}  // namespace
}  // namespace holdfast::failover
