#include "replication/recent_records.h"

#include <gtest/gtest.h>

#include "tests/storage/store_fixture.h"

namespace holdfast::replication {
namespace {

using storage::LogRecordPtr;

class RecentRecordsTest : public ::testing::Test {
 protected:
  RecentRecordsTest() {
    EXPECT_TRUE(store_.Open().ok());
    records_.push_back(*store_.Append(storage::EpochDraft("p"), 0));
    for (const char* key : {"a", "b", "c"})
      records_.push_back(*store_.Append(storage::CommitDraft({storage::Put(key, "v")}), 0));
  }
  const LogRecordPtr& At(size_t index) const { return records_.at(index - 1); }
  std::optional<std::vector<LogRecordPtr>> ReadAll(const RecentRecords& recent, size_t after) const {
    return recent.Read(At(after)->position.revision, At(4)->position.revision);
  }

  storage::StoreUnderTest store_;
  std::vector<LogRecordPtr> records_;
};

TEST_F(RecentRecordsTest, GivesWhatFollowsUpToTheEnd) {
  RecentRecords recent;
  recent.Append({At(2), At(3)});
  recent.Append({At(4)});
  EXPECT_EQ(ReadAll(recent, 1)->size(), 3u);
  EXPECT_EQ(recent.Read(At(1)->position.revision, At(3)->position.revision)->size(), 2u);
}

TEST_F(RecentRecordsTest, WhatIsNotInMemoryIsReadElsewhere) {
  RecentRecords recent;
  recent.Append({At(3), At(4)});
  EXPECT_FALSE(ReadAll(recent, 1));
  EXPECT_EQ(ReadAll(recent, 2)->size(), 2u);
}

TEST_F(RecentRecordsTest, ACutTakesTheNewestAndOthersGoOnThere) {
  RecentRecords recent;
  recent.Append({At(2), At(3)});
  recent.CutAfter(At(2)->position.revision);
  recent.Append({At(3), At(4)});
  EXPECT_EQ(ReadAll(recent, 1)->size(), 3u);
}

TEST_F(RecentRecordsTest, NothingIsGivenAcrossAGap) {
  RecentRecords recent;
  recent.Append({At(2)});
  recent.Append({At(4)});
  EXPECT_FALSE(ReadAll(recent, 1));
  EXPECT_EQ(ReadAll(recent, 3)->size(), 1u);
}

}  // namespace
}  // namespace holdfast::replication
