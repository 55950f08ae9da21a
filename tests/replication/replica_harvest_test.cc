// What a candidate is given before its EPOCH record, and what it takes (R6).
#include <gtest/gtest.h>

#include "storage/record_codec.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

class HarvestTest : public ReplicaTest {
 protected:
  // p is gone; a has its first record, and shows it.
  void Begin() {
    Add("p"), Add("a");
    ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
    first_record_ = node("p").store().visible();
    ASSERT_TRUE(RunUntilShown("a", first_record_));
    node("p").Kill();
  }
  storage::Store& store() { return node("a").store(); }
  // An epoch in a's log, as a stream would bring it.
  storage::LogRecordPtr AppendEpoch(uint64_t epoch) {
    auto batch = store().BeginBatch();
    EXPECT_TRUE(batch.ok()) << batch.status();
    auto record = (*batch)->Append(epoch, "a", EpochDraft("a", {}, 0, epoch, false));
    EXPECT_TRUE(record.ok()) << record.status();
    EXPECT_TRUE((*batch)->Commit().ok());
    return *record;
  }
  void CutToFirst() { ASSERT_TRUE(store().RewindTo(first_record_, "another branch").ok()); }

  Position first_record_;
};

// What a candidate is given is read away from the strand; a higher promise may cut the log meanwhile.
TEST_F(HarvestTest, RecordsThatNoLongerGoOnFromTheCommonOneAreNotGiven) {
  Begin();
  const Position common = AppendEpoch(1)->position;
  AppendEpoch(64);
  ASSERT_TRUE(GivePromise("a", 66, "a").ok());
  v1::FetchRecordsRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = Promise(66, "a");
  *request.add_epoch_ends() = storage::ToProto(first_record_);
  *request.add_epoch_ends() = storage::ToProto(common);
  std::optional<absl::StatusOr<v1::FetchRecordsResponse>> given;
  node("a").replica().AcceptFetchRecords(request, [&](auto response) { given = std::move(response); });
  CutToFirst();
  AppendEpoch(2);
  AppendEpoch(3);
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(ReasonOf(given->status()), "CHAIN_BROKEN") << (given->ok() ? (*given)->DebugString() : "");
}

// R3: the EPOCH record writes who has which slot, and which one is next; it must know that of the log that is
// kept.
TEST_F(HarvestTest, NoEpochIsBegunOnTheInventoryOfABranchThatWasCut) {
  Begin();
  const storage::LogRecordPtr theirs = AppendEpoch(2);
  CutToFirst();
  AppendEpoch(1);
  ASSERT_TRUE(GivePromise("a", 65, "a").ok());
  time_.RunFor(absl::Milliseconds(10));
  v1::FollowRecords records;
  const absl::string_view previous = first_record_.chain_hash.view();
  records.set_previous_chain_hash(previous.data(), previous.size());
  records.add_records(theirs->bytes);
  std::optional<absl::Status> begun;
  const auto begin = [&] {
    node("a").replica().BeginEpoch(65, EpochDraft("a", {}, 0, 65, false),
                                   [&](const absl::Status& status) { begun = status; });
  };
  {
    // Both connections of the log are busy.
    const auto one = store().own_readers().Acquire(), other = store().own_readers().Acquire();
    ASSERT_TRUE(one.ok() && other.ok());
    const auto reached = node("a").replica().AppendHarvested(65, first_record_, records, /*by_name=*/true);
    EXPECT_EQ(ReasonOf(reached.status()), "RESOURCE_EXHAUSTED") << reached.status();
    begin();
  }
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(begun.has_value());
  EXPECT_EQ(ReasonOf(*begun), "RESOURCE_EXHAUSTED") << *begun;
  EXPECT_EQ(store().appended(), theirs->position);
  EXPECT_EQ(node("a").replica().cluster().epoch(), 2u);
  begin();
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(*begun, absl::OkStatus());
  EXPECT_EQ(node("a").role(), v1::NODE_ROLE_PRIMARY);
}

}  // namespace
}  // namespace holdfast::replication
