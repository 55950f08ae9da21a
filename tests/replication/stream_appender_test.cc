#include "replication/stream_appender.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::replication {
namespace {

using storage::LogRecordPtr;
using storage::StoreUnderTest;
using Result = StreamAppender::Result;

// An upstream's store and a follower's, both on memory disks.
class StreamAppenderTest : public ::testing::Test {
 protected:
  StreamAppenderTest() : appender_(Opened()) {}

  storage::Store* Opened() {
    EXPECT_TRUE(theirs_.Open().ok());
    EXPECT_TRUE(ours_.Open().ok());
    return &ours_.store();
  }

  LogRecordPtr Put(StoreUnderTest& store, const std::string& key, uint64_t epoch = 0) {
    return *store.Append(storage::CommitDraft({storage::Put(key, "v")}), epoch);
  }
  LogRecordPtr Begin(StoreUnderTest& store, uint64_t epoch, const std::string& node) {
    return *store.Append(storage::EpochDraft(node), epoch);
  }
  static v1::FollowRecords Batch(const std::vector<LogRecordPtr>& records) {
    v1::FollowRecords batch;
    const absl::string_view previous = records.front()->previous.view();
    batch.set_previous_chain_hash(previous.data(), previous.size());
    for (const LogRecordPtr& record : records) batch.add_records(record->bytes);
    return batch;
  }

  StoreUnderTest theirs_;
  StoreUnderTest ours_;
  StreamAppender appender_;  // after what it is made from
};

TEST_F(StreamAppenderTest, AppendsABatchInOneTransaction) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k");
  appender_.Begin(0, {});
  EXPECT_EQ(appender_.Append(Batch({first, second})).kind, Result::kDone);
  EXPECT_EQ(ours_->appended(), second->position);
  EXPECT_EQ(appender_.verified(), second->position);
}

TEST_F(StreamAppenderTest, RefusesABatchThatDoesNotGoOnWhereTheStreamWas) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k"), third = Put(theirs_, "l");
  appender_.Begin(0, {});
  EXPECT_EQ(appender_.Append(Batch({second})).kind, Result::kStreamBroken);
  ASSERT_EQ(appender_.Append(Batch({first})).kind, Result::kDone);
  EXPECT_EQ(appender_.Append(Batch({third})).kind, Result::kStreamBroken);
  EXPECT_EQ(appender_.Append(Batch({first})).kind, Result::kStreamBroken);  // sent twice
  EXPECT_EQ(ours_->appended(), first->position);
}

TEST_F(StreamAppenderTest, RefusesABatchWithAGapAndKeepsNothingOfIt) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k"), third = Put(theirs_, "l");
  appender_.Begin(0, {});
  EXPECT_EQ(appender_.Append(Batch({first, third})).kind, Result::kStreamBroken);
  EXPECT_TRUE(ours_->appended().revision.is_zero());
  EXPECT_EQ(appender_.Append(Batch({first, second, third})).kind, Result::kDone);
}

TEST_F(StreamAppenderTest, RefusesARecordOfAnEpochThatHasNotBegun) {
  const auto first = Begin(theirs_, 0, "p");
  Begin(theirs_, 1, "q");
  v1::FollowRecords batch = Batch({first});
  batch.add_records(Put(theirs_, "k")->bytes);
  appender_.Begin(1, {});
  EXPECT_EQ(appender_.Append(batch).kind, Result::kStreamBroken);
}

TEST_F(StreamAppenderTest, PassesOverWhatItHas) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k"), third = Put(theirs_, "l");
  appender_.Begin(0, {});
  ASSERT_EQ(appender_.Append(Batch({first, second})).kind, Result::kDone);
  appender_.Begin(0, first->position);  // of an upstream that was behind
  EXPECT_TRUE(appender_.OwnsWholeLog());
  EXPECT_EQ(appender_.Append(Batch({second, third})).kind, Result::kDone);
  EXPECT_EQ(ours_->appended(), third->position);
}

TEST_F(StreamAppenderTest, CutsOnlyWhenTheConflictingRecordIsHere) {
  const auto first = Begin(theirs_, 0, "p");
  appender_.Begin(0, {});
  ASSERT_EQ(appender_.Append(Batch({first})).kind, Result::kDone);
  const auto lost = Put(ours_, "only here");
  appender_.Begin(1, first->position);
  EXPECT_EQ(ours_->appended(), lost->position);  // the verdict alone cuts nothing
  EXPECT_EQ(appender_.verified(), first->position);
  EXPECT_FALSE(appender_.OwnsWholeLog());
  const auto epoch = Begin(theirs_, 1, "q");
  const Result result = appender_.Append(Batch({epoch}));
  EXPECT_EQ(result.kind, Result::kDone) << result.status;
  EXPECT_EQ(ours_->appended(), epoch->position);
}

// R13, F18 [stale_rewind].
TEST_F(StreamAppenderTest, NeverCutsRecordsOfTheStreamsOwnEpoch) {
  const auto first = Begin(theirs_, 0, "p");
  appender_.Begin(0, {});
  ASSERT_EQ(appender_.Append(Batch({first})).kind, Result::kDone);
  const auto own = Put(ours_, "mine");
  appender_.Begin(0, first->position);
  const Result result = appender_.Append(Batch({Put(theirs_, "yours")}));
  EXPECT_EQ(result.kind, Result::kHalt);
  EXPECT_EQ(ReasonOf(result.status), "DIVERGED");
  EXPECT_EQ(ours_->appended(), own->position);
}

TEST_F(StreamAppenderTest, NeverCutsTheWholeLog) {
  const auto own = Begin(ours_, 0, "p");
  appender_.Begin(1, {});
  EXPECT_EQ(appender_.Append(Batch({Begin(theirs_, 1, "q")})).kind, Result::kStreamBroken);
  EXPECT_EQ(ours_->appended(), own->position);
}

TEST_F(StreamAppenderTest, RefusesRecordsFromAboveTheStreamsEpoch) {
  const auto first = Begin(theirs_, 0, "p"), second = Begin(theirs_, 1, "q");
  appender_.Begin(0, {});
  EXPECT_EQ(appender_.Append(Batch({first, second})).kind, Result::kStreamBroken);
  EXPECT_TRUE(ours_->appended().revision.is_zero());
}

TEST_F(StreamAppenderTest, HaltsWhereTheStateDigestDiffers) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k");
  v1::Record altered = second->message;
  altered.set_state_digest(std::string(16, 'x'));
  v1::FollowRecords batch = Batch({first});
  batch.add_records(altered.SerializeAsString());
  appender_.Begin(0, {});
  const Result result = appender_.Append(batch);
  EXPECT_EQ(result.kind, Result::kHalt);
  EXPECT_EQ(ReasonOf(result.status), "DIVERGED");
  EXPECT_TRUE(ours_->appended().revision.is_zero());  // nothing of the batch is kept
}

TEST_F(StreamAppenderTest, HaltsAtARecordOfANewerRelease) {
  const auto first = Begin(theirs_, 0, "p"), second = Put(theirs_, "k");
  v1::Record newer = second->message;
  newer.set_kind(static_cast<v1::RecordKind>(99));
  v1::FollowRecords batch = Batch({first});
  batch.add_records(newer.SerializeAsString());
  appender_.Begin(0, {});
  const Result result = appender_.Append(batch);
  EXPECT_EQ(result.kind, Result::kHalt);
  EXPECT_EQ(ReasonOf(result.status), "UNKNOWN_RECORD");
}

}  // namespace
}  // namespace holdfast::replication
