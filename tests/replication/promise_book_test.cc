#include "replication/promise_book.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/revision.h"
#include "replication/stream_gate.h"

namespace holdfast::replication {
namespace {

v1::EpochPromise Promise(uint64_t epoch, const std::string& node, const std::string& incarnation = "1") {
  return PromiseFor({epoch, node, incarnation});
}

TEST(PromiseBookTest, GrantsAnyHigherEpochToAnyone) {
  EXPECT_EQ(*DecidePromise({}, 0, Promise(1, "a")), PromiseDecision::kStore);
  EXPECT_EQ(*DecidePromise(Promise(1, "a"), 0, Promise(2, "b")), PromiseDecision::kStore);
}

TEST(PromiseBookTest, ThePromiseOfANewClusterIsEpochZero) {
  EXPECT_EQ(*DecidePromise({}, 0, Promise(0, "a")), PromiseDecision::kStore);
  EXPECT_EQ(ReasonOf(DecidePromise(Promise(0, "a"), 0, Promise(0, "b")).status()), "PROMISED_ELSEWHERE");
}

// F14 [grant_two_candidates].
TEST(PromiseBookTest, RefusesTheSameEpochToASecondCandidate) {
  const auto refused = DecidePromise(Promise(5, "a"), 0, Promise(5, "b"));
  EXPECT_EQ(ReasonOf(refused.status()), "PROMISED_ELSEWHERE");
  EXPECT_EQ(DetailOf(refused.status(), "candidate"), "a");
}

// F2 [slot_per_name], F9: a wiped candidate is another one.
TEST(PromiseBookTest, RefusesTheSameEpochToAnotherIncarnation) {
  EXPECT_EQ(ReasonOf(DecidePromise(Promise(5, "a", "1"), 0, Promise(5, "a", "2")).status()),
            "PROMISED_ELSEWHERE");
}

TEST(PromiseBookTest, RepeatsItsAnswer) {
  EXPECT_EQ(*DecidePromise(Promise(5, "a"), 3, Promise(5, "a")), PromiseDecision::kRepeat);
}

TEST(PromiseBookTest, RefusesLowerEpochs) {
  EXPECT_EQ(ReasonOf(DecidePromise(Promise(5, "a"), 0, Promise(4, "a")).status()), "LOWER_EPOCH");
  EXPECT_EQ(ReasonOf(DecidePromise({}, 7, Promise(6, "a")).status()), "LOWER_EPOCH");
}

TEST(PromiseBookTest, RefusesTheEpochOfARecordWhosePromiseItDoesNotKnow) {
  EXPECT_EQ(ReasonOf(DecidePromise({}, 7, Promise(7, "a")).status()), "LOWER_EPOCH");
}

TEST(PromiseBookTest, RefusesWhatNoCandidateSends) {
  EXPECT_EQ(ReasonOf(DecidePromise({}, 0, Promise(1, "")).status()), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(DecidePromise({}, 0, Promise(1, "a", "")).status()), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(DecidePromise({}, 0, Promise(Revision::kMaxEpoch + 1, "a")).status()),
            "INVALID_REQUEST");
}

TEST(PromiseBookTest, AHandOverIsOfOneRoleOfOneNode) {
  v1::EpochPromise promise = Promise(3, "a");
  EXPECT_FALSE(HandsOver(promise, "p", 2));
  promise.mutable_handed_over()->set_node_id("p");
  promise.mutable_handed_over()->set_epoch(2);
  EXPECT_TRUE(HandsOver(promise, "p", 2));
  EXPECT_FALSE(HandsOver(promise, "p", 1)) << "a role that it had before, and lost";
  EXPECT_FALSE(HandsOver(promise, "q", 2)) << "another one's";
  EXPECT_TRUE(HandsOver(promise, "a", 1)) << "it takes a role back";
}

TEST(StreamGateTest, AdmitsThePromisedStream) {
  EXPECT_EQ(*AdmitStream(Promise(3, "a"), {3, "a", "1"}), StreamAdmission::kAdmit);
}

TEST(StreamGateTest, AdmitsAHigherStreamOnceItIsPromised) {
  EXPECT_EQ(*AdmitStream(Promise(3, "a"), {4, "b", "1"}), StreamAdmission::kAdmitOncePromised);
  EXPECT_EQ(*AdmitStream({}, {0, "a", "1"}), StreamAdmission::kAdmitOncePromised);
}

// F16: whatever records a relay has, the stream's epoch decides; I7.
TEST(StreamGateTest, RefusesEveryStreamBelowThePromise) {
  EXPECT_EQ(ReasonOf(AdmitStream(Promise(1, "c"), {0, "a", "1"}).status()), "LOWER_EPOCH");
}

TEST(StreamGateTest, RefusesAnotherPrimaryOfTheSameEpoch) {
  EXPECT_EQ(ReasonOf(AdmitStream(Promise(1, "a"), {1, "b", "1"}).status()), "PROMISED_ELSEWHERE");
  EXPECT_EQ(ReasonOf(AdmitStream(Promise(1, "a"), {1, "a", "2"}).status()), "PROMISED_ELSEWHERE");
}

TEST(StreamGateTest, RefusesAStreamWithoutAPrimary) {
  EXPECT_EQ(ReasonOf(AdmitStream({}, {1, "", "1"}).status()), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(AdmitStream({}, {1, "a", ""}).status()), "INVALID_REQUEST");
}

}  // namespace
}  // namespace holdfast::replication
