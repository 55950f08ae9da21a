#include "replication/handshake.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/limits.h"
#include "tests/replication/histories.h"

namespace holdfast::replication {
namespace {

using Verdict = HandshakeVerdict;

UpstreamState Primary(uint64_t epoch) {
  UpstreamState state;
  state.standing = UpstreamState::kPrimary;
  state.cluster_id = "c1";
  state.node_id = "p";
  state.stream = {epoch, "p", "1"};
  state.follower_is_member = true;
  return state;
}

UpstreamState Relay(uint64_t epoch) {
  UpstreamState state = Primary(epoch);
  state.standing = UpstreamState::kRelay;
  state.node_id = "r";
  state.fed_through = {"p"};
  return state;
}

v1::FollowHello Hello(const TestLog& log, uint64_t promised = 0) {
  v1::FollowHello hello;
  hello.set_cluster_id("c1");
  hello.set_node_id("f");
  hello.set_incarnation("1");
  *hello.mutable_promise() = PromiseFor({promised, "p", "1"});
  hello.add_fed_through("f");
  FillHello({log.End(), log.End(), Revision()}, log.history(), log, &hello);
  return hello;
}

Verdict Decide(const v1::FollowHello& hello, const UpstreamState& state, const TestLog& log) {
  return DecideHandshake(hello, state, log.history(), log);
}

TEST(HandshakeTest, ContinuesFromTheFollowersPosition) {
  const TestLog log = TestLog().Add(0, 9);
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 4)), Primary(0), log);
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_CONTINUE);
  EXPECT_EQ(verdict.ancestor, log.Index(4));
}

TEST(HandshakeTest, FeedsAnEmptyFollowerFromTheFirstRecord) {
  const Verdict verdict = Decide(Hello(TestLog()), Primary(0), TestLog().Add(0, 9));
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_CONTINUE);
  EXPECT_EQ(verdict.ancestor, Position());
}

TEST(HandshakeTest, SendsAnEmptyFollowerToASnapshotWhereTheLogIsCompacted) {
  EXPECT_EQ(Decide(Hello(TestLog()), Primary(0), TestLog().Add(0, 9).Compact(3)).decision,
            v1::FOLLOW_DECISION_SNAPSHOT);
}

TEST(HandshakeTest, SendsAnEmptyFollowerToASnapshotWhereTheLogIsLongUnlessNothingIsCommitted) {
  const TestLog log = TestLog().Add(0, static_cast<int>(kMaxRecordsInsteadOfSnapshot) + 1);
  EXPECT_EQ(Decide(Hello(TestLog()), Primary(0), log).decision, v1::FOLLOW_DECISION_SNAPSHOT);
  UpstreamState state = Primary(0);
  state.has_committed = false;
  const Verdict verdict = Decide(Hello(TestLog()), state, log);
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_CONTINUE);
  EXPECT_EQ(verdict.ancestor, Position());
}

TEST(HandshakeTest, SendsAFollowerBelowTheFloorToASnapshot) {
  const TestLog log = TestLog().Add(0, 9).Compact(5);
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 3)), Primary(0), log).decision, v1::FOLLOW_DECISION_SNAPSHOT);
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 6)), Primary(0), log).decision, v1::FOLLOW_DECISION_CONTINUE);
}

TEST(HandshakeTest, RewindsToTheCommonAncestorAndNamesTheConflict) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 3);
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 8)), Primary(1), log);
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_REWIND);
  EXPECT_EQ(verdict.ancestor, log.Index(5));
  EXPECT_EQ(verdict.conflict, log.Index(6));
}

// R13: a relay that is merely behind cuts nothing, in the stream's epoch and below it.
TEST(HandshakeTest, AShorterLogCutsNothing) {
  const TestLog behind = TestLog().Add(0, 5);
  const Verdict same_epoch = Decide(Hello(TestLog().Add(0, 8)), Relay(0), behind);
  EXPECT_EQ(same_epoch.decision, v1::FOLLOW_DECISION_CONTINUE);
  EXPECT_EQ(same_epoch.ancestor, behind.End());
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 8)), Relay(1), behind).decision, v1::FOLLOW_DECISION_CONTINUE);
}

// F18 [stale_rewind]: nothing of the stream's own epoch is ever cut; such a conflict is a broken invariant.
TEST(HandshakeTest, NeverRewindsRecordsOfTheStreamsOwnEpoch) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 3);
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 8).Add(2, 1), 2), Relay(2), log);
  EXPECT_EQ(ReasonOf(verdict.refusal), "DIVERGED");
}

TEST(HandshakeTest, SendsAFollowerThatCannotGoBackSoFarToASnapshot) {
  v1::FollowHello hello = Hello(TestLog().Add(0, 8));
  hello.set_floor_revision(Revision(0, 6).number());
  EXPECT_EQ(Decide(hello, Primary(1), TestLog().Add(0, 5).Add(1, 3)).decision, v1::FOLLOW_DECISION_SNAPSHOT);
}

TEST(HandshakeTest, SendsAFollowerWhoseAncestorCannotBeConfirmedToASnapshot) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 3).Compact(6);
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 8)), Primary(1), log).decision, v1::FOLLOW_DECISION_SNAPSHOT);
}

// Equal numbers, other bytes: I4 is broken, and a person must look.
TEST(HandshakeTest, RefusesAForkInsteadOfGuessing) {
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 5, "other")), Primary(0), TestLog().Add(0, 7));
  EXPECT_EQ(ReasonOf(verdict.refusal), "DIVERGED");
}

TEST(HandshakeTest, RefusesAnotherCluster) {
  v1::FollowHello hello = Hello(TestLog());
  hello.set_cluster_id("c2");
  EXPECT_EQ(ReasonOf(Decide(hello, Primary(0), TestLog().Add(0, 1)).refusal), "WRONG_CLUSTER");
}

TEST(HandshakeTest, AdmitsAMemberThatHasNoClusterYet) {
  v1::FollowHello hello = Hello(TestLog());
  hello.clear_cluster_id();
  hello.clear_promise();
  EXPECT_EQ(Decide(hello, Primary(0), TestLog().Add(0, 1)).decision, v1::FOLLOW_DECISION_CONTINUE);
}

TEST(HandshakeTest, RefusesWhoIsNoMemberAndSaysHowToBecomeOne) {
  UpstreamState state = Primary(0);
  state.follower_is_member = false;
  const Verdict verdict = Decide(Hello(TestLog()), state, TestLog().Add(0, 1));
  EXPECT_EQ(ReasonOf(verdict.refusal), "NOT_A_MEMBER");
  EXPECT_NE(verdict.refusal.message().find("holdfast nodes add f"), absl::string_view::npos);
}

TEST(HandshakeTest, RefusesLoops) {
  const TestLog log = TestLog().Add(0, 3);
  UpstreamState fed_by_follower = Relay(0);
  fed_by_follower.fed_through = {"x", "f", "p"};
  EXPECT_EQ(ReasonOf(Decide(Hello(log), fed_by_follower, log).refusal), "FOLLOW_LOOP");
  UpstreamState itself = Relay(0);
  itself.node_id = "f";
  EXPECT_EQ(ReasonOf(Decide(Hello(log), itself, log).refusal), "FOLLOW_LOOP");
  v1::FollowHello through_us = Hello(log);
  through_us.add_fed_through("r");
  EXPECT_EQ(ReasonOf(Decide(through_us, Relay(0), log).refusal), "FOLLOW_LOOP");
}

TEST(HandshakeTest, RefusesAChainOfRelaysWithoutEnd) {
  const TestLog log = TestLog().Add(0, 3);
  UpstreamState deep = Relay(0);
  deep.fed_through.assign(kMaxRelayDepth - 1, "x");
  EXPECT_FALSE(Decide(Hello(log), deep, log).refusal.ok());
}

TEST(HandshakeTest, AFollowersHigherPromiseSuspendsThePrimary) {
  const TestLog log = TestLog().Add(0, 5);
  const Verdict verdict = Decide(Hello(log, 1), Primary(0), log);
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_SUSPENDED);
  EXPECT_EQ(verdict.learned, Verdict::kHigherPromise);
}

TEST(HandshakeTest, AFollowersRecordOfAHigherEpochFencesThePrimary) {
  const TestLog log = TestLog().Add(0, 5);
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 5).Add(1, 1), 1), Primary(0), log);
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_FENCED);
  EXPECT_EQ(verdict.learned, Verdict::kHigherEpoch);
}

// A primary that would write (0,6) again must stop (R8, R18).
TEST(HandshakeTest, AFollowerAheadInThePrimarysOwnEpochStopsThePrimary) {
  const Verdict verdict = Decide(Hello(TestLog().Add(0, 6)), Primary(0), TestLog().Add(0, 5));
  EXPECT_EQ(verdict.decision, v1::FOLLOW_DECISION_SUSPENDED);
  EXPECT_EQ(verdict.learned, Verdict::kOwnEpochAhead);
}

TEST(HandshakeTest, AFencedNodeSendsEverybodyElsewhere) {
  UpstreamState state = Primary(0);
  state.standing = UpstreamState::kFenced;
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 2)), state, TestLog().Add(0, 5)).decision,
            v1::FOLLOW_DECISION_FENCED);
}

TEST(HandshakeTest, ASuspendedPrimaryFeedsNothing) {
  UpstreamState state = Primary(0);
  state.standing = UpstreamState::kSuspended;
  EXPECT_EQ(Decide(Hello(TestLog().Add(0, 2)), state, TestLog().Add(0, 5)).decision,
            v1::FOLLOW_DECISION_SUSPENDED);
}

// R12, F16: a relay of epoch 0 must not take a node around its promise for epoch 1.
TEST(HandshakeTest, ARelayRefusesAFollowerThatHasPromisedHigher) {
  const TestLog log = TestLog().Add(0, 5);
  EXPECT_EQ(ReasonOf(Decide(Hello(log, 1), Relay(0), log).refusal), "LOWER_EPOCH");
}

TEST(HandshakeTest, ANodeWithoutAStreamFeedsNobody) {
  UpstreamState state = Relay(0);
  state.standing = UpstreamState::kNoStream;
  EXPECT_EQ(ReasonOf(Decide(Hello(TestLog()), state, TestLog().Add(0, 5)).refusal), "UNREACHABLE");
}

TEST(HandshakeTest, ARelayWithoutUpstreamLendsOnlySnapshots) {
  UpstreamState state = Relay(0);
  state.standing = UpstreamState::kUnfed;
  const TestLog log = TestLog().Add(0, 5).Compact(4);
  EXPECT_EQ(Decide(Hello(TestLog()), state, log).decision, v1::FOLLOW_DECISION_SNAPSHOT);
  EXPECT_EQ(ReasonOf(Decide(Hello(TestLog().Add(0, 5)), state, log).refusal), "UNREACHABLE");
}

TEST(HandshakeTest, RefusesAHelloWhosePositionsDoNotFitTogether) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 2);
  v1::FollowHello disordered = Hello(log, 1);
  disordered.mutable_epoch_ends()->SwapElements(0, 1);
  EXPECT_EQ(ReasonOf(Decide(disordered, Primary(1), log).refusal), "CHAIN_BROKEN");
  v1::FollowHello headless = Hello(log, 1);
  headless.mutable_epoch_ends()->RemoveLast();
  EXPECT_EQ(ReasonOf(Decide(headless, Primary(1), log).refusal), "CHAIN_BROKEN");
  v1::FollowHello short_hash = Hello(log, 1);
  short_hash.mutable_appended()->set_chain_hash("x");
  EXPECT_EQ(ReasonOf(Decide(short_hash, Primary(1), log).refusal), "CHAIN_BROKEN");
  v1::FollowHello nobody = Hello(log, 1);
  nobody.clear_node_id();
  EXPECT_EQ(ReasonOf(Decide(nobody, Primary(1), log).refusal), "INVALID_REQUEST");
}

// Every pair of logs over two epochs: a verdict never lets a follower keep a record that the stream's next
// record conflicts with, never cuts one that both have, and never cuts the stream's own epoch.
TEST(HandshakeTest, IsRightForEveryPairOfShortLogs) {
  for (int base = 1; base <= 4; ++base) {
    for (int ours_more = 0; ours_more <= 3; ++ours_more) {
      for (int theirs = 1; theirs <= 8; ++theirs) {
        const TestLog log = TestLog().Add(0, base).Add(2, 1 + ours_more);
        const Verdict verdict = Decide(Hello(TestLog().Add(0, theirs)), Primary(2), log);
        ASSERT_TRUE(verdict.refusal.ok());
        EXPECT_EQ(verdict.ancestor, log.Index(std::min(base, theirs)));
        EXPECT_EQ(verdict.decision,
                  theirs > base ? v1::FOLLOW_DECISION_REWIND : v1::FOLLOW_DECISION_CONTINUE);
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::replication
