// A planned hand-over with everything that carries it out, on memory disks and a simulated network: there and
// back, and with the candidate gone after every step.
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "tests/failover/operations_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::HasSubstr;

class SwitchoverTest : public OperationsTest {};

TEST_F(SwitchoverTest, StoppingAnswersWhoeverWaitsForAPlanAndBeginsNothing) {
  Begin();
  const v1::Plan plan = PlanAt("a");
  v1::StartOperationRequest request;
  request.set_kind(v1::OPERATION_KIND_SWITCHOVER);
  request.set_plan_id(plan.plan_id());
  std::optional<absl::Status> begun;
  node("a").strand().Post([&] {
    operations_["a"]->Begin(request, [&](const absl::StatusOr<v1::StartOperationResponse>& response) {
      begun = response.status();
    });
    operations_["a"]->Stop();
  });
  time_.RunFor(absl::Seconds(5));
  ASSERT_TRUE(begun.has_value());
  EXPECT_EQ(ReasonOf(*begun), "DRAINING");
  EXPECT_EQ(Newest("a").operation_id(), "");
  EXPECT_EQ(node("a").store().node().promise().candidate_node_id(), "p");
}

TEST_F(SwitchoverTest, ThereAndBackNothingIsLostAndTheOldPrimaryFollowsByItself) {
  Begin();
  Position last;
  for (const char* to : {"a", "p", "b", "a", "p"}) {
    SCOPED_TRACE(to);
    last = CommitEverywhere("k");
    Start(to);
    const v1::Operation done = End(to);
    ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
    EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN);
    EXPECT_EQ(done.harvested(), 0) << "the drain has brought everything";
    EXPECT_EQ(done.plan().new_rule().voters_size(), 3);
    ASSERT_TRUE(done.has_commit_pause());
    EXPECT_LT(done.commit_pause().seconds(), 1);
    EXPECT_EQ(Primary(), to);
    EXPECT_EQ(**node(to).store().PositionAt(last.revision), last);
  }
  CommitEverywhere("k");
}

TEST_F(SwitchoverTest, WithoutAHealthyPrimaryItIsRefusedAndSaysWhatToDo) {
  Begin();
  const v1::Plan self = PlanAt("p");
  EXPECT_FALSE(self.admissible());
  EXPECT_EQ(self.checks(0).name(), "primary-healthy");
  Isolate("p");
  const v1::Plan lost = PlanAt("a");
  EXPECT_FALSE(lost.admissible());
  EXPECT_THAT(lost.checks(0).next_command(), HasSubstr("holdfast promote a"));
}

TEST_F(SwitchoverTest, WhileItIsFrozenThePrimaryAdmitsNothingAndThawsByItself) {
  Begin();
  v1::FreezeRequest request;
  request.set_cluster_id("c1");
  request.set_candidate_node_id("a");
  request.mutable_hold()->set_seconds(2);
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "SUSPENDED");
  time_.RunFor(absl::Milliseconds(2001));
  EXPECT_TRUE(node("p").replica().CanAdmit().ok());
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  request.clear_hold();
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  EXPECT_TRUE(node("p").replica().CanAdmit().ok());
  request.set_epoch(1);
  EXPECT_EQ(ReasonOf(node("p").replica().AcceptFreeze(request).status()), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(node("a").replica().AcceptFreeze(request).status()), "CONFLICTING_SETTINGS");
}

// From the freeze on nothing is admitted that the drain could miss.
TEST_F(SwitchoverTest, CommitsAreHeldUpFromTheFreezeUntilTheNewPrimaryIsOpen) {
  Begin();
  std::map<std::string, std::string> admits;  // at p, as each step begins
  on_step = [&](const std::string& step) { admits.emplace(step, ReasonOf(node("p").replica().CanAdmit())); };
  Start("a");
  EXPECT_EQ(End("a").state(), v1::OPERATION_STATE_DONE);
  EXPECT_EQ(admits["pre-copy"], "");
  for (const char* step : {"drain", "promise-self", "promises", "judge", "epoch", "open"})
    EXPECT_EQ(admits[step], "SUSPENDED") << step;
}

// What is on its way to the candidate when commits are frozen is waited for, not fetched afterwards: who
// promises is fed no more.
TEST_F(SwitchoverTest, TheDrainWaitsForTheLastRecordThatThePrimaryAdmitted) {
  Begin();
  on_step = [this](const std::string& step) {
    if (step != "freeze") return;
    // The record comes to a long after it has come to everybody else.
    const testing::SimNetwork::LinkOptions usual = network_.Link("p", "a");
    testing::SimNetwork::LinkOptions slow = usual;
    slow.min_delay = slow.max_delay = absl::Milliseconds(250);
    network_.SetLink("p", "a", slow);
    Commit("p", "k", "the last one");
    network_.SetLink("p", "a", usual);
  };
  Start("a");
  const v1::Operation done = End("a");
  on_step = nullptr;
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.harvested(), 0) << done.DebugString();
  CommitEverywhere("k");
}

// The old primary has not met the new one before that is gone again; a node that has its records says that
// the epoch has begun. Nobody takes a role back then: who is next is an operator's to say.
TEST_F(SwitchoverTest, AnEpochThatHasBegunIsFollowedThoughItsCandidateIsGone) {
  Begin();
  CommitEverywhere("k");
  Start("a");
  ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), "epoch") > 0; },
                             absl::Seconds(10)));
  network_.Cut("p", "a");
  network_.Cut("a", "p");
  ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "a"; }, absl::Seconds(2)));
  const uint64_t begun = node("a").store().appended().revision.epoch();
  ASSERT_TRUE(time_.RunUntil([&] { return node("b").store().appended().revision.epoch() == begun; },
                             absl::Seconds(1)));
  Kill("a");
  Kill("b");  // looks for somebody to follow as it starts, and comes to p
  node("b").Start();
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_FENCED; }, absl::Seconds(2)));
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_STANDBY; }, absl::Seconds(5)));
  time_.RunFor(absl::Seconds(15));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_STANDBY);
  EXPECT_LE(node("p").store().node().promise().epoch(), begun);
  EXPECT_EQ(Primary(), "");
}

// Both of them forced on, and then a planned hand-over between the others: it speaks of another role than
// p's. What p alone holds is a branch, and a person chooses (R20).
TEST_F(SwitchoverTest, AFormerPrimaryDoesNotComeByItselfBecauseAnotherHandsItsRoleOver) {
  Begin();
  Isolate("p");
  const Position mine = Commit("p", "mine", "1");
  Start("a", v1::OPERATION_KIND_PROMOTE);
  End("a");
  ASSERT_EQ(PrimaryBesideP(), "a");
  Start("b");
  const v1::Operation handed = End("b");
  ASSERT_EQ(PrimaryBesideP(), "b") << handed.DebugString();
  network_.HealAll();
  ASSERT_TRUE(time_.RunUntil(
      [&] { return node("p").role() == v1::NODE_ROLE_SUSPENDED || node("p").role() == v1::NODE_ROLE_FENCED; },
      absl::Seconds(30)));
  // Promised once more in a later hand-over, and started again: it waits all the same.
  Start("a");
  End("a");
  Kill("p");
  node("p").Start();
  Serve("p");
  time_.RunFor(absl::Seconds(15));
  EXPECT_TRUE(node("p").role() == v1::NODE_ROLE_SUSPENDED || node("p").role() == v1::NODE_ROLE_FENCED)
      << node("p").replica().view().activity;
  EXPECT_EQ(node("p").store().appended(), mine);
}

// What the primary answers is lost: it may have stopped, and whoever reads that must not think it goes on.
TEST_F(SwitchoverTest, APrimaryWhosePromiseIsNotHeardIsNotSaidToGoOn) {
  Begin();
  const Position last = CommitEverywhere("k");
  on_step = [this](const std::string& step) {
    if (step == "promises") network_.Cut("p", "a");
  };
  Start("a");
  const v1::Operation ended = End("a");
  on_step = nullptr;
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(ended.error_reason(), "DEADLINE");
  EXPECT_THAT(ended.error(), HasSubstr("if it has, it takes its role back by itself"));
  EXPECT_THAT(ended.promises_left(), ::testing::Contains("p"));
  network_.Heal("p", "a");
  ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "p"; }, absl::Seconds(15)));
  EXPECT_EQ(**node("p").store().PositionAt(last.revision), last);
}

// It comes by itself as soon as it has heard that the candidate is primary: nobody is told to bring it back.
TEST_F(SwitchoverTest, AnOldPrimaryThatComesAMomentLaterIsWaitedFor) {
  Begin();
  operations_.erase("p");  // it is slow to see what has become of its promise
  node("p").on_change = nullptr;
  Start("a");
  ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "a"; }, absl::Seconds(10)));
  time_.RunFor(absl::Seconds(5));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_SUSPENDED);
  EXPECT_EQ(Newest("a").state(), v1::OPERATION_STATE_RUNNING);
  Serve("p");
  const v1::Operation done = End("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.remains_size(), 0) << done.DebugString();
}

TEST_F(SwitchoverTest, AnOldPrimaryThatDoesNotComeIsNamedAndTheRestIsNotHeldUp) {
  Begin();
  operations_.erase("p");
  node("p").on_change = nullptr;
  Start("a");
  const v1::Operation ended = End("a");
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_INCOMPLETE) << ended.DebugString();
  ASSERT_EQ(ended.remains_size(), 1);
  EXPECT_THAT(ended.remains(0), HasSubstr("'p' was reached and does not follow yet"));
  EXPECT_EQ(Primary(), "a");
}

// An operator who thinks better of it leaves the old primary as it was, or gets it back with a fresh epoch.
TEST_F(SwitchoverTest, GivenUpAtAnyStepTheOldPrimaryGoesOn) {
  for (const char* step : {"pre-copy", "freeze", "drain", "promises", "judge"}) {
    SCOPED_TRACE(step);
    BeginAnew();
    const Position last = CommitEverywhere("k");
    Start("a");
    time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), step) > 0; }, absl::Seconds(10));
    v1::AbortOperationRequest abort;
    abort.set_operation_id(Newest("a").operation_id());
    const bool aborted = operations_["a"]->Abort(abort).ok();
    ASSERT_TRUE(time_.RunUntil([&] { return Primary() == (aborted ? "p" : "a"); }, absl::Seconds(30)))
        << Primary() << Newest("a").DebugString();
    EXPECT_EQ(**node(Primary()).store().PositionAt(last.revision), last);
    CommitEverywhere("k");
  }
}

// F7, I9: whatever step was the candidate's last one, commits go on without anybody's help.
// It hears of the promises that the others gave, and that they were for a hand-over, from its voters alone.
TEST_F(SwitchoverTest, AnOldPrimaryThatDiesBeforeItHasPromisedTakesItsRoleBack) {
  Begin();
  const Position last = CommitEverywhere("k");
  on_step = [this](const std::string& step) {
    if (step == "promises") node("p").LosePower();
  };
  Start("a");
  EXPECT_EQ(End("a").state(), v1::OPERATION_STATE_ROLLED_BACK) << Newest("a").DebugString();
  on_step = nullptr;
  Kill("p");
  node("p").Start();
  Serve("p");
  ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "p"; }, absl::Seconds(30)))
      << node("p").replica().view().activity;
  EXPECT_EQ(**node("p").store().PositionAt(last.revision), last);
  CommitEverywhere("k");
}

TEST_F(SwitchoverTest, WithTheCandidateGoneAfterAnyStepCommitsGoOn) {
  // Behind `open` it is a primary like any other, and its loss is a site's: an operator promotes.
  for (const char* last_step :
       {"pre-copy", "freeze", "drain", "promise-self", "promises", "judge", "epoch", "open"}) {
    SCOPED_TRACE(last_step);
    BeginAnew();
    const Position last = CommitEverywhere("k");
    Serve("a", last_step);
    Start("a");
    ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), last_step) > 0; },
                               absl::Seconds(30)))
        << ::testing::PrintToString(steps_);
    Kill("a");
    // Nobody does anything: the old primary takes its role back, if it has given it away.
    ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "p"; }, absl::Seconds(60)))
        << node("p").replica().view().activity << Newest("p").DebugString();
    EXPECT_EQ(**node("p").store().PositionAt(last.revision), last);
    const Position next = CommitEverywhere("k");
    // The candidate is back, finds that others went on, and follows.
    node("a").Start();
    Serve("a");
    ASSERT_TRUE(time_.RunUntil(
        [&] {
          if (node("a").role() == v1::NODE_ROLE_SUSPENDED || node("a").role() == v1::NODE_ROLE_FENCED)
            node("a").replica().Rejoin().IgnoreError();
          return node("a").store().visible() == node("p").store().visible();
        },
        absl::Seconds(60)))
        << node("a").replica().view().activity;
    EXPECT_EQ(Primary(), "p");
    EXPECT_EQ(**node("a").store().PositionAt(next.revision), next);
  }
}

}  // namespace
}  // namespace holdfast::failover
