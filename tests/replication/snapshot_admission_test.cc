#include "replication/snapshot_admission.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "replication/stream_gate.h"
#include "storage/record_codec.h"
#include "tests/replication/histories.h"

namespace holdfast::replication {
namespace {

v1::SnapshotManifest Manifest(const TestLog& log, uint64_t epoch) {
  v1::SnapshotManifest manifest;
  manifest.set_snapshot_id("s");
  manifest.set_cluster_id("c1");
  manifest.set_stream_epoch(epoch);
  manifest.set_primary_node_id("p");
  manifest.set_primary_incarnation("1");
  *manifest.mutable_position() = storage::ToProto(log.End());
  for (const Position& start : log.starts()) *manifest.add_epoch_starts() = storage::ToProto(start);
  return manifest;
}

SnapshotTaker Taker(const TestLog& log, uint64_t promised = 0) {
  return {"c1", PromiseFor({promised, "p", "1"}), log.End(), log.starts(), false};
}

TEST(SnapshotAdmissionTest, AnEmptyNodeTakesOne) {
  EXPECT_TRUE(AdmitSnapshot({}, Manifest(TestLog().Add(0, 5), 0)).ok());
}

TEST(SnapshotAdmissionTest, ANodeBehindTakesOneOfItsOwnHistory) {
  EXPECT_TRUE(AdmitSnapshot(Taker(TestLog().Add(0, 5)), Manifest(TestLog().Add(0, 9), 0)).ok());
  EXPECT_TRUE(AdmitSnapshot(Taker(TestLog().Add(0, 8)), Manifest(TestLog().Add(0, 5).Add(1, 1), 1)).ok());
}

// F5 [snapshot_goes_back].
TEST(SnapshotAdmissionTest, RefusesOneThatDoesNotEndAboveTheNodesPosition) {
  const TestLog log = TestLog().Add(0, 5);
  EXPECT_EQ(ReasonOf(AdmitSnapshot(Taker(log), Manifest(log, 0))), "SNAPSHOT_ALTERED");
  EXPECT_FALSE(AdmitSnapshot(Taker(log), Manifest(TestLog().Add(0, 4), 0)).ok());
}

TEST(SnapshotAdmissionTest, RefusesAnEmptyOne) {
  EXPECT_FALSE(AdmitSnapshot({}, Manifest(TestLog(), 0)).ok());
}

TEST(SnapshotAdmissionTest, RefusesAnUnknownHistoryHoweverLargeItIs) {
  const TestLog foreign = TestLog().Add(0, 900, "other");
  EXPECT_EQ(ReasonOf(AdmitSnapshot(Taker(TestLog().Add(0, 5)), Manifest(foreign, 0))), "SNAPSHOT_ALTERED");
  // An empty server that was promoted by override begins a history of its own.
  EXPECT_FALSE(AdmitSnapshot(Taker(TestLog().Add(0, 5)), Manifest(TestLog().Add(1, 1), 1)).ok());
}

TEST(SnapshotAdmissionTest, ARepairMayGoBackButNotToAnUnknownHistory) {
  SnapshotTaker taker = Taker(TestLog().Add(0, 5));
  taker.repairing = true;
  EXPECT_TRUE(AdmitSnapshot(taker, Manifest(TestLog().Add(0, 4), 0)).ok());
  EXPECT_FALSE(AdmitSnapshot(taker, Manifest(TestLog().Add(0, 9, "other"), 0)).ok());
}

// Both sites were forced on: what the primary shows lies below what this node has of the other branch.
class SnapshotTailAdmissionTest : public ::testing::Test {
 protected:
  SnapshotTailAdmissionTest() { *manifest_.mutable_visible() = storage::ToProto(primarys_.Index(8)); }
  std::string Refusal() { return ReasonOf(AdmitSnapshot(Taker(theirs_), manifest_)); }
  std::string RefusalShowing(const Position& visible) {
    *manifest_.mutable_visible() = storage::ToProto(visible);
    return Refusal();
  }

  const TestLog primarys_ = TestLog().Add(0, 5).Add(64, 3).Add(128, 4);
  const TestLog theirs_ = TestLog().Add(0, 5).Add(65, 9);
  v1::SnapshotManifest manifest_ = Manifest(primarys_, 128);
};

TEST_F(SnapshotTailAdmissionTest, TakesTheEndOfThePrimarysOwnEpoch) {
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ(ReasonOf(AdmitSnapshot({}, manifest_)), "") << "a new node too";
}

TEST_F(SnapshotTailAdmissionTest, RefusesToBeShownNothingOrMoreThanThereIs) {
  EXPECT_EQ(RefusalShowing(Position()), "SNAPSHOT_ALTERED");
  EXPECT_EQ(RefusalShowing({primarys_.End().revision, ChainHash()}), "SNAPSHOT_ALTERED");
  EXPECT_EQ(RefusalShowing({Revision(128, 13), primarys_.End().chain_hash}), "SNAPSHOT_ALTERED");
  EXPECT_EQ(RefusalShowing(primarys_.End()), "");
}

// An uncommitted end of an older epoch is of a relay, or of a primary that was.
TEST_F(SnapshotTailAdmissionTest, RefusesOneThatDoesNotEndInTheEpochOfItsStream) {
  manifest_.set_stream_epoch(192);
  EXPECT_EQ(Refusal(), "SNAPSHOT_ALTERED");
  manifest_.clear_visible();
  EXPECT_EQ(Refusal(), "") << "what is committed may be of any";
}

TEST_F(SnapshotTailAdmissionTest, RefusesOneThatEndsBelowTheNodesPositionAllTheSame) {
  const TestLog further = TestLog().Add(0, 5).Add(64, 3).Add(128, 5);
  EXPECT_EQ(ReasonOf(AdmitSnapshot(Taker(further), manifest_)), "SNAPSHOT_ALTERED");
}

TEST(SnapshotAdmissionTest, RefusesAnotherClusterAndAStreamBelowThePromise) {
  const TestLog log = TestLog().Add(0, 5);
  SnapshotTaker elsewhere = Taker(log);
  elsewhere.cluster_id = "c2";
  EXPECT_EQ(ReasonOf(AdmitSnapshot(elsewhere, Manifest(TestLog().Add(0, 9), 0))), "WRONG_CLUSTER");
  EXPECT_EQ(ReasonOf(AdmitSnapshot(Taker(log, 1), Manifest(TestLog().Add(0, 9), 0))), "LOWER_EPOCH");
}

TEST(SnapshotAdmissionTest, RefusesOneBeyondItsOwnStream) {
  EXPECT_FALSE(AdmitSnapshot({}, Manifest(TestLog().Add(0, 2).Add(3, 1), 1)).ok());
}

}  // namespace
}  // namespace holdfast::replication
