// What a follower does when its upstream sends what it should not.
#include <gtest/gtest.h>

#include <utility>

#include "tests/replication/replica_fixture.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/refusing_peer_service.h"

namespace holdfast::replication {
namespace {

// An upstream at "u" that answers every hello with the same messages.
class BadUpstream : public testing::RefusingPeerService {
 public:
  std::unique_ptr<StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) override {
    return std::make_unique<Events>(this, std::move(stream));
  }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest&) override {
    return NotHere();
  }
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest&) override { return NotHere(); }

  std::vector<v1::FollowResponse> messages;
  int hellos = 0;

 private:
  class Events : public StreamEvents<v1::FollowRequest> {
   public:
    Events(BadUpstream* owner, std::unique_ptr<StreamEnd<v1::FollowResponse>> stream)
        : owner_(owner), stream_(std::move(stream)) {}
    void OnMessage(v1::FollowRequest message) override {
      if (!message.has_hello()) return;
      ++owner_->hellos;
      for (const v1::FollowResponse& response : owner_->messages) stream_->Send(response);
    }
    void OnClosed(const absl::Status&) override {}

   private:
    BadUpstream* const owner_;
    std::unique_ptr<StreamEnd<v1::FollowResponse>> stream_;
  };
};

class BadUpstreamTest : public ReplicaTest {
 protected:
  BadUpstreamTest() : clock_(&time_), random_(SeededRandom(5)), strand_(&time_, &clock_, random_.get()) {
    network_.Listen("u", &strand_, &upstream_);
    EXPECT_TRUE(history_.Open().ok());
    records_.push_back(*history_.Append(storage::EpochDraft("u")));
    records_.push_back(*history_.Append(storage::CommitDraft({storage::Put("k", "v")})));
  }
  ~BadUpstreamTest() override { network_.Crash("u", false); }

  v1::FollowVerdict& AddVerdict(uint64_t epoch = 0) {
    v1::FollowVerdict& verdict = *upstream_.messages.emplace_back().mutable_verdict();
    verdict.set_decision(v1::FOLLOW_DECISION_CONTINUE);
    verdict.set_cluster_id("c1");
    verdict.set_stream_epoch(epoch);
    verdict.set_primary_node_id("u");
    verdict.set_primary_incarnation("1");
    verdict.add_fed_through("u");
    return verdict;
  }
  v1::FollowRecords& AddRecords() {
    v1::FollowRecords& records = *upstream_.messages.emplace_back().mutable_records();
    records.set_previous_chain_hash(std::string(32, '\0'));
    for (const auto& record : records_) records.add_records(record->bytes);
    *records.mutable_committed() = storage::ToProto(records_.back()->position);
    return records;
  }
  TestNode& Follow() {
    auto& node = nodes_["s"] = std::make_unique<TestNode>(&time_, &network_, "s", v1::NODE_KIND_SERVER);
    node->Start({"u"});
    time_.RunFor(absl::Seconds(5));
    return *node;
  }

  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  BadUpstream upstream_;
  storage::StoreUnderTest history_;
  std::vector<storage::LogRecordPtr> records_;
};

TEST_F(BadUpstreamTest, AGoodOneIsFollowed) {
  AddVerdict();
  AddRecords();
  TestNode& node = Follow();
  EXPECT_EQ(node.store().visible(), records_.back()->position);
  EXPECT_TRUE(node.halted.ok());
}

TEST_F(BadUpstreamTest, ADivergedDigestStopsTheNodeAndSaysWhy) {
  AddVerdict();
  v1::Record altered = records_[1]->message;
  altered.set_state_digest(std::string(16, 'x'));
  *AddRecords().mutable_records(1) = altered.SerializeAsString();
  TestNode& node = Follow();
  EXPECT_EQ(ReasonOf(node.halted), "DIVERGED");
  EXPECT_FALSE(node.replica().view().not_serving_reason.empty());
  EXPECT_EQ(ReasonOf(node.replica().CanAdmit()), "DIVERGED");
  EXPECT_EQ(upstream_.hellos, 1);
  EXPECT_EQ(node.replica().Staleness(), std::nullopt);
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = PromiseFor({1, "z", "1"});
  EXPECT_EQ(ReasonOf(node.replica().AcceptPromise(request).status()), "DIVERGED");
}

TEST_F(BadUpstreamTest, AnUnknownKindStopsTheNode) {
  AddVerdict();
  v1::Record newer = records_[1]->message;
  newer.set_kind(static_cast<v1::RecordKind>(99));
  *AddRecords().mutable_records(1) = newer.SerializeAsString();
  EXPECT_EQ(ReasonOf(Follow().halted), "UNKNOWN_RECORD");
}

TEST_F(BadUpstreamTest, ABatchThatDoesNotFitEndsOnlyTheStream) {
  AddVerdict();
  AddRecords().set_previous_chain_hash(std::string(32, 'x'));
  TestNode& node = Follow();
  EXPECT_TRUE(node.halted.ok());
  EXPECT_GT(upstream_.hellos, 1);
  EXPECT_TRUE(node.store().appended().revision.is_zero());
}

// Its own log is whole: only the upstream can be at fault.
TEST_F(BadUpstreamTest, AGapWithinABatchEndsOnlyTheStream) {
  records_.push_back(*history_.Append(storage::CommitDraft({storage::Put("k", "w")})));
  AddVerdict();
  records_.erase(records_.begin() + 1);
  AddRecords();
  TestNode& node = Follow();
  EXPECT_EQ(node.halted, absl::OkStatus());
  EXPECT_GT(upstream_.hellos, 1);
  EXPECT_TRUE(node.store().appended().revision.is_zero());
}

// A relay that is behind for a moment. What the primary was told stays the witness: a log that has lost its
// end below it is noticed at the next start.
TEST_F(BadUpstreamTest, WhatWasAcknowledgedIsNotTakenBackByAShorterStream) {
  records_.push_back(*history_.Append(storage::CommitDraft({storage::Put("k", "w")})));
  AddVerdict();
  AddRecords();
  TestNode& node = Follow();
  const Position acknowledged = records_[2]->position;
  ASSERT_EQ(node.store().node().acknowledged(), acknowledged);

  const absl::string_view before = records_[1]->previous.view();
  *upstream_.messages[0].mutable_verdict()->mutable_ancestor() = storage::ToProto(records_[0]->position);
  v1::FollowRecords& shorter = *upstream_.messages[1].mutable_records();
  shorter.set_previous_chain_hash(before.data(), before.size());
  shorter.mutable_records()->DeleteSubrange(2, 1);
  shorter.mutable_records()->DeleteSubrange(0, 1);
  network_.Reset("s", "u");
  const int hellos = upstream_.hellos;
  ASSERT_TRUE(time_.RunUntil([&] { return upstream_.hellos > hellos; }, absl::Seconds(10)));
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(node.replica().view().upstream_connected) << node.replica().view().activity;
  EXPECT_EQ(node.store().node().acknowledged(), acknowledged);
}

// A branch that a person has left must not come back under the name of the one that was kept: not to whoever
// is fed here, and not as a snapshot, however long the upstream is away between its verdict and its first
// records.
TEST_F(BadUpstreamTest, WhatTheStreamWillCutIsNeitherFedNorLentInItsName) {
  v1::NodeInfo member;
  member.set_node_id("z");
  member.set_peer_address("z");
  records_.push_back(*history_.Append(storage::CommitDraft({storage::Put(NodeKey("z"), ToJson(member))})));
  const Position common = records_.back()->position;
  records_.push_back(*history_.Append(storage::EpochDraft("b"), 1));
  records_.push_back(*history_.Append(storage::CommitDraft({storage::Put("k", "left")})));
  const Position left = records_.back()->position;
  AddVerdict(1);
  AddRecords();
  TestNode& relay = Follow();
  ASSERT_EQ(relay.store().visible(), left);

  upstream_.messages.clear();
  v1::FollowVerdict& rewind = AddVerdict(64);
  rewind.set_decision(v1::FOLLOW_DECISION_REWIND);
  *rewind.mutable_ancestor() = storage::ToProto(common);
  network_.Reset("s", "u");
  ASSERT_TRUE(time_.RunUntil(
      [&] { return relay.replica().view().upstream_connected && relay.replica().epoch() == 64; },
      absl::Seconds(10)));
  v1::FetchSnapshotRequest fetch;
  fetch.set_cluster_id("c1");
  fetch.set_node_id("z");
  EXPECT_EQ(ReasonOf(relay.replica().AcceptFetchSnapshot(fetch).status()), "UNREACHABLE");

  auto& fed = nodes_["z"] = std::make_unique<TestNode>(&time_, &network_, "z", v1::NODE_KIND_PROXY);
  fed->upstream.only = "s";
  fed->Start({"s"});
  ASSERT_TRUE(time_.RunUntil([&] { return fed->store().appended() == common; }, absl::Seconds(2)));
  // It looks for the primary after a second in vain, and stays with the relay for longer then.
  time_.RunFor(absl::Milliseconds(1500));
  ASSERT_TRUE(fed->replica().view().upstream_connected) << fed->replica().view().activity;
  network_.Cut("s", "u"), network_.Cut("u", "s"), network_.Reset("s", "u");
  time_.RunFor(absl::Seconds(5));
  ASSERT_FALSE(relay.replica().view().upstream_connected);
  EXPECT_EQ(fed->store().appended(), common) << fed->replica().view().activity;
  EXPECT_LE(fed->store().visible().revision, common.revision);
  EXPECT_EQ(ReasonOf(relay.replica().AcceptFetchSnapshot(fetch).status()), "UNREACHABLE");
  EXPECT_EQ(relay.store().visible(), left) << "it goes on answering reads until the conflict is here";
}

TEST_F(BadUpstreamTest, AStreamThatNamesNoPrimaryIsNotUsed) {
  AddVerdict().clear_primary_incarnation();
  AddRecords();
  TestNode& node = Follow();
  EXPECT_TRUE(node.store().appended().revision.is_zero());
  EXPECT_TRUE(node.store().node().identity().cluster_id.empty());
}

// R11: the promise is durable before anything of the stream is used; a lower stream is refused afterwards.
TEST_F(BadUpstreamTest, AStreamBelowThePromiseIsNotUsed) {
  AddVerdict(5);
  TestNode& node = Follow();
  EXPECT_EQ(node.store().node().promise().epoch(), 5u);
  upstream_.messages.clear();
  AddVerdict(0);
  AddRecords();
  node.Kill();
  node.Start({"u"});
  time_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(node.store().appended().revision.is_zero());
  EXPECT_EQ(node.store().node().promise().epoch(), 5u);
}

TEST_F(BadUpstreamTest, ACommitPositionOfAnotherChainShowsNothing) {
  AddVerdict();
  Position other = records_[1]->position;
  other.chain_hash.bytes[0] ^= 1;
  *AddRecords().mutable_committed() = storage::ToProto(other);
  TestNode& node = Follow();
  EXPECT_TRUE(node.store().visible().revision.is_zero());
}

TEST_F(BadUpstreamTest, RecordsBeforeTheVerdictAreNotUsed) {
  AddRecords();
  AddVerdict();
  EXPECT_TRUE(Follow().store().appended().revision.is_zero());
}

TEST_F(BadUpstreamTest, ASilentOneIsLeft) {
  TestNode& node = Follow();
  time_.RunFor(absl::Seconds(5));
  EXPECT_GT(upstream_.hellos, 1);
  EXPECT_NE(node.replica().view().activity.find("silent"), std::string::npos)
      << node.replica().view().activity;
}

TEST_F(BadUpstreamTest, ASnapshotThatNeverComesKeepsTheOldCopy) {
  AddVerdict();
  AddRecords();
  TestNode& node = Follow();
  const Position before = node.store().visible();
  upstream_.messages.clear();
  AddVerdict().set_decision(v1::FOLLOW_DECISION_SNAPSHOT);
  node.Kill();
  node.Start({"u"});
  time_.RunFor(absl::Seconds(10));
  EXPECT_EQ(node.store().visible(), before);
  EXPECT_GT(upstream_.hellos, 1);
}

}  // namespace
}  // namespace holdfast::replication
