// What a candidate is given before its EPOCH record, and what it takes (R6).
#include <gtest/gtest.h>

#include "storage/record_codec.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

// What a candidate is given is read away from the strand; a higher promise may cut the log meanwhile.
TEST_F(ReplicaTest, RecordsThatNoLongerGoOnFromTheCommonOneAreNotGiven) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  const Position first = node("p").store().visible();
  ASSERT_TRUE(RunUntilShown("a", first));
  node("p").Kill();
  storage::Store& store = node("a").store();
  const auto begin = [&](uint64_t epoch) {
    auto batch = store.BeginBatch();
    EXPECT_TRUE(batch.ok() && (*batch)->Append(epoch, "a", EpochDraft("a", {}, 0, epoch, false)).ok());
    EXPECT_TRUE((*batch)->Commit().ok());
    return store.appended();
  };
  const Position common = begin(1);
  begin(64);
  ASSERT_TRUE(GivePromise("a", 66, "a").ok());
  v1::FetchRecordsRequest request;
  request.set_cluster_id("c1");
  *request.mutable_promise() = Promise(66, "a");
  *request.add_epoch_ends() = storage::ToProto(first);
  *request.add_epoch_ends() = storage::ToProto(common);
  std::optional<absl::StatusOr<v1::FetchRecordsResponse>> given;
  node("a").replica().AcceptFetchRecords(request, [&](auto response) { given = std::move(response); });
  ASSERT_TRUE(store.RewindTo(first, "another branch").ok());
  begin(2);
  begin(3);
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(given.has_value());
  EXPECT_EQ(ReasonOf(given->status()), "CHAIN_BROKEN") << (given->ok() ? (*given)->DebugString() : "");
}

}  // namespace
}  // namespace holdfast::replication
