#include "admin/salvage_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/limits.h"
#include "base/uuid.h"
#include "tests/admin/salvage_sample.h"

namespace holdfast::admin {
namespace {

using ::testing::StartsWith;

class SalvageRequestTest : public ::testing::Test {
 protected:
  SalvageRequestTest() { facts_.ancestor = 3; }

  void Is(const std::string& key, const std::string& value, int64_t revision = 2) {
    KeyFacts& known = facts_.keys[key];
    known.current.emplace();
    known.current->set_value(value);
    known.current->set_mod_revision(revision);
    known.base = known.current;
  }

  // Of the record with this index, when the records of `committed` are.
  std::optional<v1::CommitRequest> Request(size_t record, std::vector<int64_t> committed = {}) {
    verdicts_ = SortSalvage(sample_.records(), facts_, {});
    committed.resize(sample_.records().size());
    return SalvageRequest(sample_.records(), facts_, {record, &verdicts_[record]}, committed);
  }

  SalvageSample sample_;
  SalvageFacts facts_;
  std::vector<RecordVerdict> verdicts_;
};

TEST_F(SalvageRequestTest, TheIdIsTheSameInEveryRunAndBearsTheTimeOfTheLostCommit) {
  sample_.Commit({{"a", "v1"}}).Commit({{"b", "v1"}});
  Is("a", "v0");
  Is("b", "v0");
  const std::string id = Request(0)->request_id();
  EXPECT_TRUE(IsUuid7(id));
  EXPECT_EQ(Uuid7Time(id), absl::FromUnixSeconds(1'700'000'004));
  EXPECT_EQ(id, Request(0)->request_id());
  EXPECT_NE(id, Request(1)->request_id());
}

TEST_F(SalvageRequestTest, AnIdIsRecognisedWhateverTimeItBearsAndNoOtherIs) {
  sample_.Commit({{"a", "v1"}}).Commit({{"b", "v1"}});
  const LostRecord& first = sample_.records()[0];
  const LostRecord& second = sample_.records()[1];
  const std::string later = SalvageRequestId(first, absl::FromUnixSeconds(1'800'000'000));
  EXPECT_TRUE(IsUuid7(later));
  EXPECT_TRUE(IsSalvageRequestId(first, later));
  EXPECT_FALSE(IsSalvageRequestId(second, later));
  EXPECT_FALSE(IsSalvageRequestId(first, ""));
}

TEST_F(SalvageRequestTest, EachKeyMustBeAsItWasSeen) {
  sample_.Commit({{"changed", "v1"}, {"gone", ""}, {"made", "v1"}});
  Is("changed", "v0", 2);
  Is("gone", "v0", 1);
  facts_.keys["made"];
  const auto request = Request(0);
  ASSERT_EQ(request->preconditions_size(), 3);
  EXPECT_EQ(request->preconditions(0).mod_revision(), 2);
  EXPECT_EQ(request->preconditions(1).mod_revision(), 1);
  EXPECT_TRUE(request->preconditions(2).absent());
  ASSERT_EQ(request->mutations_size(), 3);
  EXPECT_EQ(request->mutations(0).put(), "v1");
  EXPECT_TRUE(request->mutations(1).delete_());
}

TEST_F(SalvageRequestTest, WhatIsPresentIsAConditionAndNoChange) {
  sample_.Commit({{"a", "v1"}, {"b", "v1"}});
  Is("a", "v0");
  Is("b", "v1", 9);
  const auto request = Request(0);
  ASSERT_EQ(request->mutations_size(), 1);
  EXPECT_EQ(request->mutations(0).key(), "a");
  ASSERT_EQ(request->preconditions_size(), 2);
  EXPECT_EQ(request->preconditions(1).mod_revision(), 9);
}

TEST_F(SalvageRequestTest, ARecordGoesOnFromTheOneBeforeOnlyIfThatWasCommitted) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", ""}}).Commit({{"k", "v3"}});
  Is("k", "v0");
  EXPECT_FALSE(Request(1, {}).has_value());
  EXPECT_EQ(Request(1, {20})->preconditions(0).mod_revision(), 20);
  EXPECT_TRUE(Request(2, {20, 21})->preconditions(0).absent());
}

TEST_F(SalvageRequestTest, TheMessageSaysWhoHadCommittedItAndWhen) {
  sample_.Commit({{"k", "v1"}}, "raise the limit");
  EXPECT_EQ(SalvageMessage(sample_.records()[0], {}, "dc1-a"),
            "salvaged 0.4 of dc1-a (alice, 2023-11-14T22:13:24Z): raise the limit");
  RecordVerdict conflicting;
  conflicting.sort = SalvageSort::kConflicting;
  conflicting.seen = 9;
  EXPECT_THAT(SalvageMessage(sample_.records()[0], conflicting, "dc1-a"),
              StartsWith("salvaged 0.4 of dc1-a over 0.9 (alice, "));
}

TEST_F(SalvageRequestTest, ALongMessageIsCutBetweenTwoCharacters) {
  std::string message;
  while (message.size() < kMaxMessageBytes - 2) message += "€";
  sample_.Commit({{"k", "v1"}}, message);
  const std::string cut = SalvageMessage(sample_.records()[0], {}, "dc1-a");
  EXPECT_LE(cut.size(), kMaxMessageBytes);
  EXPECT_GT(cut.size(), kMaxMessageBytes - 3);
  EXPECT_EQ(cut.substr(cut.size() - 3), "€");
}

}  // namespace
}  // namespace holdfast::admin
