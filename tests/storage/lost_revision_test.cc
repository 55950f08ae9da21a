#include "storage/lost_revision.h"

#include "gtest/gtest.h"

namespace holdfast::storage {
namespace {

Milestone Begin(uint64_t epoch, uint64_t index) {
  Milestone milestone;
  milestone.kind = v1::RECORD_KIND_EPOCH;
  milestone.position.revision = Revision(epoch, index);
  return milestone;
}

Milestone Rule(uint64_t epoch, uint64_t index) {
  Milestone milestone = Begin(epoch, index);
  milestone.kind = v1::RECORD_KIND_SETTINGS;
  return milestone;
}

// 0.1 to 0.10, 2.11 to 2.20, 66.21 and on.
const std::vector<Milestone> kLog = {Begin(0, 1), Rule(0, 5), Begin(2, 11), Rule(2, 15), Begin(66, 21)};

TEST(LostRevisionTest, WhatTheLogHoldsIsNotLost) {
  for (const Revision at : {Revision(), Revision(0, 1), Revision(0, 10), Revision(2, 11), Revision(2, 20),
                            Revision(66, 21), Revision(66, 1000)}) {
    EXPECT_EQ(SharedWithLost(at, kLog), std::nullopt) << at.ToString();
  }
}

TEST(LostRevisionTest, ANumberBeyondTheEndOfItsEpochIsLost) {
  EXPECT_EQ(SharedWithLost(Revision(0, 11), kLog), Revision(0, 10));
  EXPECT_EQ(SharedWithLost(Revision(2, 21), kLog), Revision(2, 20));
}

TEST(LostRevisionTest, ANumberOfAnEpochThatTheLogNeverHadIsLost) {
  EXPECT_EQ(SharedWithLost(Revision(1, 3), kLog), Revision(0, 10));
  EXPECT_EQ(SharedWithLost(Revision(3, 15), kLog), Revision(2, 20));
}

// 1.45 went off at 0.40, and 0.60 came back from a third branch: numbers cannot tell.
TEST(LostRevisionTest, WhereThereWereThreeBranchesTheAnswerIsAnUpperBound) {
  EXPECT_EQ(SharedWithLost(Revision(1, 45), {Begin(0, 1), Begin(64, 61)}), Revision(0, 60));
}

TEST(LostRevisionTest, TheNumberBelowTheBeginningOfAnEpochStandsForTheStateBefore) {
  EXPECT_EQ(SharedWithLost(Revision(2, 10), kLog), std::nullopt);
  EXPECT_EQ(SharedWithLost(Revision(66, 20), kLog), std::nullopt);
}

}  // namespace
}  // namespace holdfast::storage
