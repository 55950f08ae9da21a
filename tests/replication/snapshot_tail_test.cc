// R15: where what is committed is nothing new to a follower, the primary lends its own log up to its end.
#include <gtest/gtest.h>

#include "storage/record_codec.h"
#include "storage/salvage_file.h"
#include "storage/snapshot_chunks.h"
#include "tests/replication/replica_fixture.h"
#include "tests/storage/replacement_listener.h"

namespace holdfast::replication {
namespace {

using storage::ReplacementListener;

// Both sites were forced on. p goes on with epoch 128 after what it shows of epoch 0; everybody else has
// followed s in epoch 65, and nobody keeps the records at which the two part. No commit of 128 counts without
// the voter v.
class SnapshotTailTest : public ReplicaTest {
 protected:
  void Part() {
    Add("p"), Add("s"), Add("v", v1::NODE_KIND_PROXY), Add("x", v1::NODE_KIND_PROXY);
    ASSERT_EQ(Init({"v"}, 1), absl::OkStatus());
    Position last = Commit("p", "k", "of both");
    ASSERT_TRUE(RunUntilShown("s", last) && RunUntilShown("v", last) && RunUntilShown("x", last));
    shown_ = last;
    Isolate("p");
    Commit("p", "k", "of p alone");
    Promote("s", 65, {"s", "v", "x"});
    for (int i = 0; i < 8; ++i) last = Commit("s", "k", absl::StrCat("of s ", i));
    ASSERT_TRUE(RunUntilShown("s", last));
    storage::RecordDraft compact;
    compact.kind = v1::RECORD_KIND_COMPACT;
    compact.compact_floor = last.revision;
    last = Append("s", compact);
    ASSERT_TRUE(RunUntilShown("v", last) && RunUntilShown("x", last));
    branch_end_ = last;
    Isolate("v"), Isolate("x");
    Promote("p", 128, {"p"});
    end_ = Commit("p", "k", "of epoch 128");
    ASSERT_EQ(node("p").store().visible(), shown_) << "nobody confirms it";
    ASSERT_LT(shown_.revision, branch_end_.revision);
    ASSERT_LT(branch_end_.revision, end_.revision);
  }
  void Promote(const std::string& id, uint64_t epoch, const std::vector<std::string>& promise) {
    for (const std::string& voter : promise) ASSERT_EQ(GivePromise(voter, epoch, id), absl::OkStatus());
    node(id).replica().BeginEpoch(epoch, EpochDraft(id, {"v"}, 1, epoch, false), [](const absl::Status&) {});
    time_.RunFor(absl::Milliseconds(10));
    ASSERT_EQ(node(id).role(), v1::NODE_ROLE_PRIMARY) << node(id).replica().view().activity;
  }

  v1::FetchSnapshotRequest Request(bool takes_tail, const Position& appended) {
    v1::FetchSnapshotRequest request;
    request.set_cluster_id("c1");
    request.set_node_id("v");
    request.set_takes_tail(takes_tail);
    *request.mutable_appended() = storage::ToProto(appended);
    return request;
  }
  std::string Refusal(const std::string& id, const v1::FetchSnapshotRequest& request) {
    return ReasonOf(node(id).replica().AcceptFetchSnapshot(request).status());
  }
  v1::SnapshotManifest Lend(const std::string& id, const v1::FetchSnapshotRequest& request) {
    v1::SnapshotManifest manifest;
    const auto source = node(id).replica().AcceptFetchSnapshot(request);
    EXPECT_TRUE(source.ok()) << source.status();
    if (!source.ok()) return manifest;
    bool is_there = false;
    (*source)->Next([&](const absl::StatusOr<std::optional<v1::FetchSnapshotResponse>>& message) {
      EXPECT_TRUE(message.ok()) << message.status();
      if (message.ok() && *message) manifest = (*message)->manifest();
      is_there = true;
    });
    EXPECT_TRUE(time_.RunUntil([&] { return is_there; }, absl::Seconds(10)));
    return manifest;
  }

  Position shown_;       // at p
  Position branch_end_;  // of s, v and x
  Position end_;         // of p's log
  ReplacementListener listener_;
};

TEST_F(SnapshotTailTest, AVoterOfAnotherBranchBelowWhichAllIsCompactedComesToCommits) {
  Part();
  node("v").store().AddObserver(&listener_);
  const std::string incarnation = node("v").incarnation();
  network_.HealAll();
  node("s").Kill();
  ASSERT_TRUE(RunUntilShown("p", end_)) << node("v").replica().view().activity;
  ASSERT_EQ(listener_.shown, std::vector<Position>{shown_}) << "the tail was not shown before it counted";
  EXPECT_EQ(node("v").incarnation(), incarnation) << "it keeps its vote";
  const auto salvaged = storage::ListSalvageFiles(&node("v").files(), "/d");
  ASSERT_TRUE(salvaged.ok());
  EXPECT_EQ(salvaged->size(), 1u) << "its branch";
  const Position next = Commit("p", "k", "again");
  EXPECT_TRUE(RunUntilShown("p", next) && RunUntilShown("v", next) && RunUntilShown("x", next));
  EXPECT_EQ(node("v").store().state_digest(), node("p").store().state_digest());
  EXPECT_EQ(node("x").store().state_digest(), node("p").store().state_digest());
  node("v").store().RemoveObserver(&listener_);
}

TEST_F(SnapshotTailTest, WhatWasTakenOfItIsStillThereAfterAPowerCut) {
  Part();
  network_.HealAll();
  node("s").Kill(), node("x").Kill();
  const auto has_all = [&] { return node("v").store().appended() == end_; };
  ASSERT_TRUE(time_.RunUntil(has_all, absl::Seconds(30))) << node("v").replica().view().activity;
  node("v").LosePower();
  node("v").Kill();
  node("v").Start();
  EXPECT_EQ(node("v").store().appended(), end_);
  EXPECT_GE(node("v").store().visible().revision, shown_.revision);
  EXPECT_TRUE(RunUntilShown("v", end_)) << node("v").replica().view().activity;
}

TEST_F(SnapshotTailTest, IsLentByThePrimaryItselfToAFollowerThatAsksForIt) {
  Part();
  EXPECT_EQ(Refusal("p", Request(false, branch_end_)), "NOT_CAUGHT_UP") << "it would show all of it";
  EXPECT_EQ(Refusal("p", Request(true, end_)), "NOT_CAUGHT_UP") << "it has all of it";
  v1::FetchSnapshotRequest saved = Request(true, branch_end_);
  saved.clear_node_id();
  EXPECT_EQ(Refusal("p", saved), "NOT_CAUGHT_UP") << "an operator saves committed records";
  const v1::SnapshotManifest manifest = Lend("p", Request(true, branch_end_));
  EXPECT_EQ(storage::FromProto(manifest.position()).value(), end_);
  EXPECT_EQ(storage::VisibleOf(manifest).value(), shown_);
  saved.clear_appended();
  saved.set_snapshot_id(manifest.snapshot_id());
  EXPECT_EQ(Refusal("p", saved), "SNAPSHOT_GONE");

  // x takes it, and relays what it shows alone.
  node("s").Kill();
  network_.Heal("p", "x"), network_.Heal("x", "p");
  const auto has_all = [&] { return node("x").store().appended() == end_; };
  ASSERT_TRUE(time_.RunUntil(has_all, absl::Seconds(60))) << node("x").replica().view().activity;
  time_.RunFor(absl::Seconds(1));
  ASSERT_EQ(node("x").store().visible(), shown_);
  EXPECT_EQ(Refusal("x", Request(true, branch_end_)), "NOT_CAUGHT_UP");
}

TEST_F(SnapshotTailTest, WhoeverIsServedByWhatIsCommittedGetsThatAlone) {
  Part();
  Lend("p", Request(true, branch_end_));
  const v1::SnapshotManifest manifest = Lend("p", Request(true, Position()));
  EXPECT_FALSE(manifest.has_visible());
  EXPECT_EQ(storage::FromProto(manifest.position()).value(), shown_);
}

TEST_F(SnapshotTailTest, IsLentNoMoreByWhoeverIsPrimaryNoMore) {
  Part();
  v1::FetchSnapshotRequest request = Request(true, branch_end_);
  request.set_snapshot_id(Lend("p", request).snapshot_id());
  EXPECT_EQ(Refusal("p", request), "") << "to go on with it";
  ASSERT_EQ(GivePromise("p", 192, "p"), absl::OkStatus());
  EXPECT_EQ(Refusal("p", request), "SUSPENDED");
  Promote("p", 192, {});
  EXPECT_EQ(Refusal("p", request), "SNAPSHOT_GONE");
}

}  // namespace
}  // namespace holdfast::replication
