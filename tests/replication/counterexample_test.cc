// The counterexamples of the model (docs/counterexamples.md: F1 to F22) that need nodes, and no operation:
// real replicas over stores on memory disks.
#include <gtest/gtest.h>

#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

class CounterexampleTest : public ReplicaTest {
 protected:
  void LosePowerAndRestart(const std::string& id) {
    node(id).LosePower();
    node(id).Kill();
    node(id).Start();
    time_.RunFor(absl::Milliseconds(10));
  }
};

// F5: the promise and the incarnation of a node travel in no snapshot, and none replaces them.
TEST_F(CounterexampleTest, ASnapshotLeavesThePromiseAndTheIncarnationAsTheyWere) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", node("p").store().visible()));
  Isolate("x");
  for (int i = 0; i < 50; ++i) Commit("p", absl::StrCat("k", i % 7), absl::StrCat(i));
  ASSERT_TRUE(GivePromise("p", 64, "p").ok());
  std::optional<absl::Status> begun;
  node("p").replica().BeginEpoch(64, EpochDraft("p", {}, 0, 64, false),
                                 [&](const absl::Status& status) { begun = status; });
  ASSERT_TRUE(time_.RunUntil([&] { return begun.has_value() && begun->ok(); }, absl::Seconds(10)));
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = Revision(0, 40);
  Append("p", compact);
  const Position last = Commit("p", "k", "last");
  // Its own promise is of the epoch that the snapshot brings, and made for it.
  ASSERT_TRUE(GivePromise("x", 64, "p").ok());
  const std::string promise = node("x").store().node().promise().SerializeAsString();
  const std::string incarnation = node("x").incarnation();
  network_.HealAll();
  ASSERT_TRUE(RunUntilShown("x", last)) << node("x").replica().view().activity;
  EXPECT_EQ(node("x").store().floor(), Revision(0, 40)) << "it was a snapshot";
  EXPECT_EQ(node("x").store().node().promise().SerializeAsString(), promise);
  EXPECT_EQ(node("x").incarnation(), incarnation);
}

// F5 [snapshot_drops_promise]: who has promised higher takes no snapshot of the epoch below.
TEST_F(CounterexampleTest, ASnapshotOfALowerEpochIsNotTakenAfterAPromise) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", node("p").store().visible()));
  Isolate("x");
  const Position held = node("x").store().appended();
  for (int i = 0; i < 50; ++i) Commit("p", absl::StrCat("k", i % 7), absl::StrCat(i));
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = Revision(0, 40);
  Append("p", compact);
  ASSERT_TRUE(GivePromise("x", 1, "a").ok());
  network_.HealAll();
  time_.RunFor(absl::Seconds(20));
  EXPECT_EQ(node("x").store().appended(), held);
  EXPECT_EQ(node("x").store().node().promise().epoch(), 1u);
}

// F14 [promise_volatile]: the answer is out, and the power fails.
TEST_F(CounterexampleTest, APromiseSurvivesThePowerCutRightAfterItsAnswer) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a", "b"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("b", node("p").store().visible()));
  Isolate("p");
  ASSERT_TRUE(GivePromise("b", 1, "a").ok());
  LosePowerAndRestart("b");
  EXPECT_EQ(node("b").store().node().promise().epoch(), 1u);
  EXPECT_EQ(ReasonOf(GivePromise("b", 1, "b")), "PROMISED_ELSEWHERE");
  const Position held = node("b").store().appended();
  network_.HealAll();
  time_.RunFor(absl::Seconds(10));
  EXPECT_EQ(node("b").store().appended(), held) << "nothing of epoch 0 any more (I7)";
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_SUSPENDED) << "b has met it";
}

// F16 [relay_without_epoch]: B has promised 1 and is fed by a relay of epoch 0.
TEST_F(CounterexampleTest, ARelayTakesNobodyAroundItsPromise) {
  Add("p"), Add("a"), Add("b"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a", "b"}, 2), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", node("p").store().visible()));
  ASSERT_TRUE(RunUntilShown("b", node("p").store().visible()));
  node("b").upstream.only = "x";
  network_.Cut("p", "b"), network_.Cut("b", "p"), network_.Reset("p", "b");
  ASSERT_TRUE(GivePromise("b", 1, "a").ok());
  const Position held = node("b").store().appended();
  const Position next = Commit("p", "k", "1");
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == next; }, absl::Seconds(30)));
  time_.RunFor(absl::Seconds(20));
  EXPECT_EQ(node("b").store().appended(), held);
  EXPECT_LT(node("p").store().visible().revision, next.revision) << "a alone is not two of two";
}

// F17 [send_before_durable]: what somebody else has of it, the primary has after a power cut too; otherwise
// it would write that index a second time.
TEST_F(CounterexampleTest, WhatAPrimaryHasSentSurvivesItsPowerCut) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  for (int round = 0; round < 5; ++round) {
    const Position sent = Commit("p", "k", absl::StrCat(round));
    ASSERT_TRUE(time_.RunUntil([&] { return node("a").store().appended() == sent; }, absl::Seconds(10)));
    LosePowerAndRestart("p");
    EXPECT_EQ(node("p").store().appended(), sent);
    ASSERT_TRUE(time_.RunUntil([&] { return node("p").replica().CanAdmit().ok(); }, absl::Seconds(30)));
  }
}

// F19 [declare_in_running_epoch]: x is destroyed for good, after it has promised a an epoch that nobody else
// heard of. However long p waits, x never stands for an acknowledgement of the epoch that runs.
TEST_F(CounterexampleTest, AVoterThatIsGoneNeverCountsInARunningEpoch) {
  Add("p"), Add("a"), Add("b"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"b", "x"}, 2), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("b", node("p").store().visible()));
  ASSERT_TRUE(RunUntilShown("x", node("p").store().visible()));
  Isolate("x");
  ASSERT_TRUE(GivePromise("x", 1, "a").ok());
  node("x").Kill();
  const Position waiting = Commit("p", "k", "1");
  ASSERT_TRUE(time_.RunUntil([&] { return node("b").store().appended() == waiting; }, absl::Seconds(10)));
  time_.RunFor(absl::Seconds(60));
  EXPECT_LT(node("p").store().visible().revision, waiting.revision);
  EXPECT_EQ(node("p").replica().AcknowledgedAt(waiting.revision).acknowledged, 1u);
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_PRIMARY);
}

// A question that waits for others is answered when the node stops: whoever asked must not hang.
TEST_F(CounterexampleTest, ALookAroundUnderWayIsAnsweredWhenTheNodeStops) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", node("p").store().visible()));
  network_.Cut("b", "a");
  v1::LookRequest look;
  look.set_cluster_id("c1");
  std::optional<absl::Status> answer;
  node("a").replica().AcceptLook(
      look, [&](const absl::StatusOr<v1::LookResponse>& seen) { answer = seen.status(); });
  time_.RunFor(absl::Milliseconds(100));
  ASSERT_FALSE(answer.has_value()) << "b's answer is waited for";
  node("a").replica().Stop();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(ReasonOf(*answer), "DRAINING") << *answer;
}

}  // namespace
}  // namespace holdfast::replication
