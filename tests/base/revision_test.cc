#include "base/revision.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(RevisionTest, CountsOneTwoThreeInEpochZero) {
  EXPECT_EQ(Revision(0, 1).number(), 1);
  EXPECT_EQ(Revision(0, 3).number(), 3);
}

TEST(RevisionTest, GrowsOverEveryPromotionEvenWhenTheIndexFalls) {
  EXPECT_LT(Revision(3, 900'000), Revision(4, 1));
  EXPECT_LT(Revision(0, Revision::kMaxIndex), Revision(1, 0));
}

TEST(RevisionTest, GivesBackEpochAndIndex) {
  const Revision revision(67, 1024);
  EXPECT_EQ(revision.epoch(), 67u);
  EXPECT_EQ(revision.index(), 1024u);
  EXPECT_EQ(Revision(revision.number()), revision);
}

TEST(RevisionTest, StaysBelowTwoToThe53) {
  const Revision greatest(Revision::kMaxEpoch, Revision::kMaxIndex);
  EXPECT_EQ(greatest.number(), (int64_t{1} << 53) - 1);
}

TEST(RevisionTest, PrintsEpochDotIndexAndReadsItBack) {
  EXPECT_EQ(Revision(3, 1024).ToString(), "3.1024");
  EXPECT_EQ(Revision::Parse("3.1024"), Revision(3, 1024));
  EXPECT_EQ(Revision::Parse("0.0"), Revision());
}

TEST(RevisionTest, ReadsThePlainInteger) {
  EXPECT_EQ(Revision::Parse("17"), Revision(0, 17));
  EXPECT_EQ(Revision::Parse("206158431232"), Revision(3, 1024));
}

TEST(RevisionTest, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(Revision::Parse("9007199254740992"), std::nullopt);  // 2^53
  EXPECT_EQ(Revision::Parse("131072.1"), std::nullopt);          // one epoch too many
  EXPECT_EQ(Revision::Parse("0.68719476736"), std::nullopt);     // one index too many
  EXPECT_EQ(Revision::Parse("18446744073709551616"), std::nullopt);
}

TEST(RevisionTest, RefusesWhatIsNotARevision) {
  for (const char* text :
       {"", ".", "3.", ".4", "1.2.3", "-1", "+1", " 1", "1 ", "1e3", "0x10", "three", "1,5"}) {
    EXPECT_EQ(Revision::Parse(text), std::nullopt) << '"' << text << '"';
  }
}

}  // namespace
}  // namespace holdfast
