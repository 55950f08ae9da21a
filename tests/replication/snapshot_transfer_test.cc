#include <gtest/gtest.h>

#include "base/limits.h"
#include "storage/errors.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

class SnapshotTransferTest : public ReplicaTest {
 protected:
  // A primary whose log no longer has what a new follower needs, with a database of several chunks.
  void Begin(const std::vector<std::string>& strangers = {}) {
    Add("p"), Add("x", v1::NODE_KIND_PROXY), Add("y", v1::NODE_KIND_PROXY);
    node("x").Kill(), node("y").Kill();
    ASSERT_EQ(Init({}, 0, strangers), absl::OkStatus());
    Fill();
    last_ = Compact();
  }
  void Fill() {
    const auto random = SeededRandom(3);
    for (int i = 0; i < 30; ++i) {
      std::string value;
      while (value.size() < 150'000) value += absl::StrCat(random->Next64());
      last_ = Commit("p", absl::StrCat("big", i), value);
    }
  }
  Position Compact() {
    storage::RecordDraft compact;
    compact.kind = v1::RECORD_KIND_COMPACT;
    compact.compact_floor = node("p").store().visible().revision;
    Append("p", compact);
    return Commit("p", "k", "after");
  }
  v1::FetchSnapshotRequest Request(const Position& appended = {}) {
    v1::FetchSnapshotRequest request;
    request.set_cluster_id("c1");
    request.set_node_id("x");
    *request.mutable_appended() = storage::ToProto(appended);
    return request;
  }

  Position last_;
};

TEST_F(SnapshotTransferTest, AnAlteredChunkIsNeverInstalled) {
  Begin();
  testing::SimNetwork::LinkOptions bad;
  bad.alter = 1.0;
  network_.SetLink("p", "x", bad);
  node("x").Start();
  time_.RunFor(absl::Seconds(20));
  EXPECT_GT(network_.counters().altered_chunks, 0);
  EXPECT_TRUE(node("x").store().appended().revision.is_zero());
  network_.SetLink("p", "x", {});
  EXPECT_TRUE(RunUntilShown("x", last_)) << node("x").replica().view().activity;
}

// A snapshot shows what is committed: while that is nothing, the voter gets every record, however many.
TEST_F(SnapshotTransferTest, AVoterThatComesLateToAClusterWithoutACommitIsFedTheWholeLog) {
  Add("p"), Add("a");
  Isolate("a");
  EXPECT_FALSE(Init({"a"}, 1).has_value()) << "nobody confirms the first record";
  {
    auto batch = node("p").store().BeginBatch();
    ASSERT_TRUE(batch.ok()) << batch.status();
    storage::RecordDraft draft;
    draft.commit.emplace();
    AddChange(&draft, "k", "v");
    for (uint64_t i = 0; i < kMaxRecordsInsteadOfSnapshot; ++i)
      ASSERT_TRUE((*batch)->Append(0, "p", draft).ok());
    ASSERT_TRUE((*batch)->Commit().ok());
  }
  node("p").replica().OnOwnAppend();
  ASSERT_TRUE(node("p").store().visible().revision.is_zero());
  network_.HealAll();
  EXPECT_TRUE(RunUntilShown("a", node("p").store().appended())) << node("a").replica().view().activity;
}

TEST_F(SnapshotTransferTest, GoesOnAfterBreaksAndAfterARestartOfTheTaker) {
  Begin();
  node("x").Start();
  for (int i = 0; i < 4; ++i) {
    time_.RunFor(absl::Milliseconds(60));
    network_.Reset("p", "x");
  }
  time_.RunFor(absl::Milliseconds(700));
  if (node("x").store().appended().revision.is_zero()) {
    node("x").Kill();
    node("x").Start();
  }
  EXPECT_TRUE(RunUntilShown("x", last_)) << node("x").replica().view().activity;
  EXPECT_EQ(node("x").store().state_digest(), node("p").store().state_digest());
}

TEST_F(SnapshotTransferTest, ASwapWithoutRoomIsEndedWhenThereIsSomeAndNothingIsFetchedAgain) {
  Begin();
  storage::DiskFault full;
  full.operations = {storage::DiskOperation::kRename};
  full.path_suffix = "/incoming.db";
  full.fail_count = storage::DiskFault::kForever;
  full.error = storage::DiskResult::kNoSpace;
  node("x").disk().AddFault(full);
  node("x").Start();
  const auto is_replacing = [&] { return node("x").store().is_replacing(); };
  ASSERT_TRUE(time_.RunUntil(is_replacing, absl::Seconds(30))) << node("x").replica().view().activity;
  const int64_t delivered = network_.counters().messages;
  time_.RunFor(absl::Minutes(2));
  EXPECT_LT(network_.counters().messages - delivered, 10) << "it asks nobody meanwhile";
  EXPECT_EQ(node("x").halted, absl::OkStatus());
  node("x").disk().ClearFaults();
  EXPECT_TRUE(RunUntilShown("x", last_)) << node("x").replica().view().activity;
}

// The bytes of a failed sync may be gone although they can still be read, and the next sync succeeds.
TEST_F(SnapshotTransferTest, AFailedSyncOfWhatArrivesEndsTheProcessAndIsNotTriedAgain) {
  Begin();
  storage::DiskFault fault;
  fault.operations = {storage::DiskOperation::kSync};
  fault.path_suffix = "/incoming.db.partial";
  node("x").disk().AddFault(fault);
  node("x").Start();
  time_.RunUntil([&] { return !node("x").failed_sync.ok(); }, absl::Seconds(30));
  EXPECT_TRUE(storage::IsFailedSync(node("x").failed_sync)) << node("x").replica().view().activity;
  time_.RunFor(absl::Minutes(1));
  EXPECT_TRUE(node("x").store().appended().revision.is_zero()) << "nothing of it was installed";
}

TEST_F(SnapshotTransferTest, WhatIsInstalledIsUsedAlthoughClientsHoldEveryReader) {
  Begin();
  node("x").Start();
  std::vector<std::unique_ptr<storage::ReadLease>> held;
  for (int i = 0; i < 2; ++i) held.push_back(*node("x").store().readers().Acquire());
  EXPECT_TRUE(RunUntilShown("x", last_)) << node("x").replica().view().activity;
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(node("x").halted, absl::OkStatus());
  EXPECT_EQ(node("x").replica().cluster().cluster_id(), "c1");
}

TEST_F(SnapshotTransferTest, TwoTakersShareOneCopy) {
  Begin();
  node("x").Start(), node("y").Start();
  ASSERT_TRUE(RunUntilShown("x", last_)) << node("x").replica().view().activity;
  ASSERT_TRUE(RunUntilShown("y", last_)) << node("y").replica().view().activity;
  EXPECT_EQ(node("p").files().List("/d/copies")->size(), 1u);
  time_.RunFor(2 * kSnapshotIdleLife);
  EXPECT_TRUE(node("p").files().List("/d/copies")->empty());
}

TEST_F(SnapshotTransferTest, LendsAtMostSoManyCopiesAtATime) {
  Begin();
  const auto first = node("p").replica().AcceptFetchSnapshot(Request());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto shared = node("p").replica().AcceptFetchSnapshot(Request());
  ASSERT_TRUE(shared.ok());
  const auto second = node("p").replica().AcceptFetchSnapshot(Request(Commit("p", "k", "1")));
  ASSERT_FALSE(second.ok());  // nothing that is committed lies above what the asker has: no copy could help
  const Position behind = node("p").store().visible();
  Commit("p", "k", "2");
  const auto newer = node("p").replica().AcceptFetchSnapshot(Request(behind));
  ASSERT_TRUE(newer.ok()) << newer.status();
  const Position behind_again = node("p").store().visible();
  Commit("p", "k", "3");
  const auto busy = node("p").replica().AcceptFetchSnapshot(Request(behind_again));
  EXPECT_EQ(ReasonOf(busy.status()), "SNAPSHOT_BUSY");
  EXPECT_FALSE(DetailOf(busy.status(), "retry_after_ms").empty());
}

TEST_F(SnapshotTransferTest, RefusesWhomItMustNotLendTo) {
  Begin({"y"});
  Replica& primary = node("p").replica();
  v1::FetchSnapshotRequest request = Request();
  request.set_node_id("y");
  EXPECT_EQ(ReasonOf(primary.AcceptFetchSnapshot(request).status()), "NOT_A_MEMBER");
  request = Request();
  request.set_cluster_id("c2");
  EXPECT_EQ(ReasonOf(primary.AcceptFetchSnapshot(request).status()), "WRONG_CLUSTER");
  request = Request();
  *request.mutable_promise() = PromiseFor({7, "s", "1"});
  EXPECT_EQ(ReasonOf(primary.AcceptFetchSnapshot(request).status()), "LOWER_EPOCH");
  request = Request();
  request.set_snapshot_id("nobody knows");
  EXPECT_EQ(ReasonOf(primary.AcceptFetchSnapshot(request).status()), "SNAPSHOT_GONE");
  ASSERT_TRUE(GivePromise("p", 1, "p").ok());
  EXPECT_EQ(ReasonOf(primary.AcceptFetchSnapshot(Request()).status()), "SUSPENDED");
}

TEST_F(SnapshotTransferTest, ARelayWithoutThePrimaryStillLendsASnapshot) {
  Begin();
  node("y").Start();
  ASSERT_TRUE(RunUntilShown("y", last_)) << node("y").replica().view().activity;
  node("p").Kill();
  node("x").upstream.only = "y";
  node("x").Start({"y"});
  EXPECT_TRUE(RunUntilShown("x", last_, absl::Seconds(60))) << node("x").replica().view().activity;
}

}  // namespace
}  // namespace holdfast::replication
