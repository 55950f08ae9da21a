#include "replication/epoch_history.h"

#include <gtest/gtest.h>

#include "tests/replication/histories.h"

namespace holdfast::replication {
namespace {

CommonAncestor Find(const TestLog& ours, const TestLog& theirs) {
  return FindCommonAncestor(ours.history(), ours, theirs.ends());
}

TEST(EpochHistoryTest, KnowsWhereEachEpochEnds) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 2).Add(65, 3);
  ASSERT_EQ(log.history().spans().size(), 3u);
  EXPECT_EQ(log.history().spans()[0].last, Revision(0, 5));
  EXPECT_EQ(log.history().spans()[1].last, Revision(1, 7));
  EXPECT_EQ(log.history().Find(65)->last, Revision(65, 10));
  EXPECT_EQ(log.history().Find(2), nullptr);
}

TEST(EpochHistoryTest, EqualLogsPartAtTheirEnd) {
  const TestLog log = TestLog().Add(0, 5).Add(1, 2);
  EXPECT_EQ(Find(log, log).position, log.End());
}

TEST(EpochHistoryTest, AFollowerBehindPartsAtItsOwnEnd) {
  const TestLog ours = TestLog().Add(0, 5).Add(1, 4);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 3)).position, ours.Index(3));
  EXPECT_EQ(Find(ours, TestLog().Add(0, 5).Add(1, 2)).position, ours.Index(7));
}

TEST(EpochHistoryTest, AFollowerAheadInOurLastEpochPartsAtOurEnd) {
  const TestLog ours = TestLog().Add(0, 5);
  const CommonAncestor found = Find(ours, TestLog().Add(0, 9));
  EXPECT_EQ(found.kind, CommonAncestor::kFound);
  EXPECT_EQ(found.position, ours.End());
}

TEST(EpochHistoryTest, RecordsThatAnotherEpochCutAwayPartAtTheEndOfTheOlderOne) {
  const TestLog ours = TestLog().Add(0, 5).Add(1, 4);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 8)).position, ours.Index(5));
}

TEST(EpochHistoryTest, EpochsThatOnlyTheFollowerHasAreStepsBack) {
  const TestLog ours = TestLog().Add(0, 5).Add(3, 4);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 7).Add(1, 2).Add(2, 2)).position, ours.Index(5));
  EXPECT_EQ(Find(ours, TestLog().Add(0, 4).Add(1, 2)).position, ours.Index(4));
}

// Numbers agree, histories do not: nothing is decided by number alone (I4).
TEST(EpochHistoryTest, TwoRecordsWithOneRevisionAreAFork) {
  const TestLog ours = TestLog().Add(0, 5).Add(1, 4);
  const CommonAncestor found = Find(ours, TestLog().Add(0, 5, "other"));
  EXPECT_EQ(found.kind, CommonAncestor::kForked);
  EXPECT_EQ(found.position.revision, Revision(0, 5));
}

TEST(EpochHistoryTest, AnEpochThatBeganAtTwoPlacesIsAFork) {
  const TestLog ours = TestLog().Add(0, 5).Add(1, 4);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 2).Add(1, 1)).kind, CommonAncestor::kForked);
}

TEST(EpochHistoryTest, WhatIsCompactedCannotBeConfirmed) {
  const TestLog ours = TestLog().Add(0, 5).Add(1, 4).Compact(7);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 5)).kind, CommonAncestor::kUnknown);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 8)).kind, CommonAncestor::kUnknown);
  EXPECT_EQ(Find(ours, TestLog().Add(0, 5).Add(1, 3)).kind, CommonAncestor::kFound);
}

TEST(EpochHistoryTest, AnEmptyLogPartsAtTheBeginning) {
  const CommonAncestor found = Find(TestLog().Add(0, 5), TestLog());
  EXPECT_EQ(found.kind, CommonAncestor::kFound);
  EXPECT_EQ(found.position, Position());
}

TEST(EpochHistoryTest, AFollowerWhoseOldEndsAreCompactedCannotBePlaced) {
  const TestLog theirs = TestLog().Add(0, 5).Add(2, 4).Compact(6);
  EXPECT_EQ(Find(TestLog().Add(0, 5).Add(1, 4), theirs).kind, CommonAncestor::kUnknown);
}

}  // namespace
}  // namespace holdfast::replication
