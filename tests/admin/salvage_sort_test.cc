#include "admin/salvage_sort.h"

#include <gtest/gtest.h>

#include "admin/salvage_request.h"
#include "tests/admin/salvage_sample.h"

namespace holdfast::admin {
namespace {

constexpr int64_t kAncestor = 3;

// The present history as the tests make it: keys at revision 2, before the ancestor, and what came later.
class SalvageSortTest : public ::testing::Test {
 protected:
  SalvageSortTest() { facts_.ancestor = kAncestor; }

  static v1::KeyValue Row(const std::string& value, int64_t revision) {
    v1::KeyValue row;
    row.set_value(value);
    row.set_mod_revision(revision);
    return row;
  }
  // It was so at the ancestor, and is so still.
  void Was(const std::string& key, const std::string& value) {
    facts_.keys[key].base = facts_.keys[key].current = Row(value, 2);
  }
  void WasAbsent(const std::string& key) { facts_.keys[key]; }
  // Somebody has made it so since.
  void Became(const std::string& key, const std::string& value, int64_t revision,
              const std::string& request_id = "another request.") {
    KeyFacts& known = facts_.keys[key];
    known.since.insert(known.since.begin(), {revision, request_id, "dave"});
    known.current.reset();
    if (!value.empty()) known.current = Row(value, revision);
  }

  RecordVerdict Sort(size_t record) { return SortSalvage(sample_.records(), facts_, selection_)[record]; }
  ChangeVerdict SortOne(size_t record) { return Sort(record).changes.at(0); }
  std::string AppliedId(size_t record) {
    return SalvageRequestId(sample_.records()[record], absl::FromUnixSeconds(1'900'000'000));
  }

  SalvageSample sample_;
  SalvageFacts facts_;
  SalvageSelection selection_;
};

TEST_F(SalvageSortTest, WhatNobodyHasTouchedSinceIsClean) {
  sample_.Commit({{"changed", "v1"}}).Commit({{"deleted", ""}}).Commit({{"made", "v1"}});
  Was("changed", "v0");
  Was("deleted", "v0");
  WasAbsent("made");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Sort(i).sort, SalvageSort::kClean) << i;
    EXPECT_EQ(SortOne(i).why, SalvageWhy::kUntouched) << i;
  }
}

TEST_F(SalvageSortTest, AKeyThatSomebodyHasChangedSinceConflictsAndNamesTheChange) {
  sample_.Commit({{"k", "v1"}});
  Was("k", "v0");
  Became("k", "v2", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
  EXPECT_EQ(SortOne(0).why, SalvageWhy::kChanged);
  EXPECT_EQ(Sort(0).seen, 8);
}

TEST_F(SalvageSortTest, AKeyThatSomebodyHasDeletedSinceConflicts) {
  sample_.Commit({{"k", "v1"}});
  Was("k", "v0");
  Became("k", "", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
  EXPECT_EQ(Sort(0).seen, 8);
}

TEST_F(SalvageSortTest, TheSameValueIsPresentWhoeverWroteIt) {
  sample_.Commit({{"k", "v1"}}).Commit({{"gone", ""}});
  Was("k", "v0");
  Became("k", "v1", 8);
  WasAbsent("gone");
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(Sort(i).sort, SalvageSort::kPresent);
    EXPECT_EQ(SortOne(i).why, SalvageWhy::kSameValue);
  }
}

TEST_F(SalvageSortTest, ACommitThatItsClientHasRepeatedIsPresentWhateverBecameOfTheKeysSince) {
  sample_.Commit({{"a", "v1"}, {"b", "v1"}});
  Was("a", "v0");
  Was("b", "v0");
  Became("a", "v1", 7, SalvageSample::ClientRequestId(4));
  Became("b", "v1", 7, SalvageSample::ClientRequestId(4));
  Became("a", "v2", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kPresent);
  EXPECT_EQ(Sort(0).present_at, 7);
  EXPECT_EQ(SortOne(0).why, SalvageWhy::kCommittedAgain);
}

TEST_F(SalvageSortTest, WhatWasAppliedIsPresentWhateverTimeItsIdBears) {
  sample_.Commit({{"k", "v1"}});
  Was("k", "v0");
  Became("k", "v1", 7, AppliedId(0));
  Became("k", "", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kPresent);
  EXPECT_EQ(Sort(0).present_at, 7);
  EXPECT_EQ(SortOne(0).why, SalvageWhy::kApplied);
}

TEST_F(SalvageSortTest, RecordsOfOneKeyBuildOnEachOther) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", "v0"}}).Commit({{"k", ""}});
  Was("k", "v0");
  EXPECT_EQ(SortOne(0).after_record, -1);
  // The value of now again: yet the record before has changed it by then.
  EXPECT_EQ(Sort(1).sort, SalvageSort::kClean);
  EXPECT_EQ(SortOne(1).why, SalvageWhy::kContinues);
  EXPECT_EQ(SortOne(1).after_record, 0);
  EXPECT_EQ(SortOne(2).after_record, 1);
}

TEST_F(SalvageSortTest, ARecordGoesOnFromOneThatAnEarlierRunHasApplied) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", "v2"}});
  Was("k", "v0");
  Became("k", "v1", 7, AppliedId(0));
  EXPECT_EQ(Sort(0).sort, SalvageSort::kPresent);
  EXPECT_EQ(Sort(1).sort, SalvageSort::kClean);
  EXPECT_EQ(SortOne(1).why, SalvageWhy::kContinues);
  EXPECT_EQ(SortOne(1).after_record, -1);  // the key is so now
}

TEST_F(SalvageSortTest, AnEarlierRecordIsSupersededByALaterOneThatIsInPlace) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", "v2"}});
  Was("k", "v0");
  Became("k", "v2", 7, SalvageSample::ClientRequestId(5));
  EXPECT_EQ(Sort(0).sort, SalvageSort::kPresent);
  EXPECT_EQ(SortOne(0).why, SalvageWhy::kSuperseded);
}

TEST_F(SalvageSortTest, AKeyThatWasMadeAndDeletedSinceIsNotMadeAgain) {
  sample_.Commit({{"k", "v1"}});
  WasAbsent("k");
  Became("k", "other", 7);
  Became("k", "", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
}

TEST_F(SalvageSortTest, BelowTheFloorOnlyAKeyThatSaysItselfThatItIsUntouchedIsClean) {
  sample_.Commit({{"here", "v1"}}).Commit({{"absent", "v1"}});
  Was("here", "v0");
  WasAbsent("absent");
  for (auto& [key, known] : facts_.keys) known.base_state = KeyFacts::Base::kCompacted;
  EXPECT_EQ(Sort(0).sort, SalvageSort::kClean);
  EXPECT_EQ(Sort(1).sort, SalvageSort::kConflicting);
  EXPECT_EQ(SortOne(1).why, SalvageWhy::kBaseUnknown);
  EXPECT_EQ(Sort(1).seen, 0);
}

TEST_F(SalvageSortTest, WithoutACommonAncestorNothingIsCleanButEqualValuesArePresent) {
  sample_.Commit({{"k", "v1"}}).Commit({{"same", "v0"}});
  Was("k", "v0");
  Was("same", "v0");
  for (auto& [key, known] : facts_.keys) known.base_state = KeyFacts::Base::kNoAncestor;
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
  EXPECT_EQ(Sort(1).sort, SalvageSort::kPresent);
}

TEST_F(SalvageSortTest, OneConflictingKeyMakesTheWholeRecordConflict) {
  sample_.Commit({{"a", "v1"}, {"b", "v1"}}).Commit({{"a", "v2"}});
  Was("a", "v0");
  Was("b", "v0");
  Became("b", "other", 8);
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
  EXPECT_EQ(SortOne(0).sort, SalvageSort::kClean);
  EXPECT_EQ(SortOne(1).after_record, -1) << "it is not committed, so nothing builds on it";
}

TEST_F(SalvageSortTest, WhatIsNotWantedIsNotBuiltOn) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", "v2"}});
  Was("k", "v0");
  selection_.wanted = {false, true};
  EXPECT_EQ(SortOne(1).why, SalvageWhy::kUntouched);
  EXPECT_EQ(SortOne(1).after_record, -1);
}

TEST_F(SalvageSortTest, WhatIsOverwrittenIsBuiltOn) {
  sample_.Commit({{"k", "v1"}}).Commit({{"k", "v2"}});
  Was("k", "v0");
  Became("k", "other", 8);
  EXPECT_EQ(Sort(1).sort, SalvageSort::kConflicting);
  selection_.overwritten = {true, false};
  EXPECT_EQ(Sort(0).sort, SalvageSort::kConflicting);
  EXPECT_EQ(Sort(1).sort, SalvageSort::kClean);
  EXPECT_EQ(SortOne(1).after_record, 0);
}

TEST_F(SalvageSortTest, TheClustersOwnRecordsAreNoConfiguration) {
  sample_.Settings();
  EXPECT_EQ(Sort(0).sort, SalvageSort::kNotConfiguration);
  EXPECT_TRUE(Sort(0).changes.empty());
}

}  // namespace
}  // namespace holdfast::admin
