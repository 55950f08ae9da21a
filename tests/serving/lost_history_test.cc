#include "serving/lost_history.h"

#include <gtest/gtest.h>

namespace holdfast::serving {
namespace {

// Epoch 0 wrote 1..10, epoch 1 wrote 11..20, epoch 66 has written from 21 on.
LostHistory ThreeEpochs() { return LostHistory({Revision(0, 1), Revision(1, 11), Revision(66, 21)}); }

TEST(LostHistoryTest, KnowsWhatThisHistoryHas) {
  for (const Revision revision :
       {Revision(), Revision(0, 1), Revision(0, 10), Revision(1, 11), Revision(1, 20), Revision(66, 21)})
    EXPECT_EQ(ThreeEpochs().CommonBefore(revision), std::nullopt) << revision.ToString();
}

TEST(LostHistoryTest, NamesTheCommonRevisionOfWhatLiesBetweenEpochs) {
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(0, 11)), Revision(0, 10));
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(1, 21)), Revision(1, 20));
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(40, 22)),
            Revision(1, 20));  // an epoch that is not in this history at all
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(1, 5)), Revision(0, 10));
}

TEST(LostHistoryTest, SaysNothingOfTheFuture) {
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(66, 5000)), std::nullopt);
  EXPECT_EQ(ThreeEpochs().CommonBefore(Revision(67, 5000)), std::nullopt);
  EXPECT_EQ(LostHistory().CommonBefore(Revision(1, 1)), std::nullopt);
}

TEST(LostHistoryTest, CondemnsNothingByAnEpochThatIsNotVisible) {
  const auto epoch = [](Revision at) {
    return storage::Milestone{{at, {}}, v1::RECORD_KIND_EPOCH, std::nullopt, std::nullopt};
  };
  const std::vector<storage::Milestone> milestones = {
      epoch(Revision(0, 1)),
      {{Revision(0, 5), {}}, v1::RECORD_KIND_COMMIT, std::nullopt, std::nullopt},
      epoch(Revision(1, 11))};
  EXPECT_EQ(LostHistory(milestones, Revision(0, 10)).CommonBefore(Revision(0, 12)), std::nullopt);
  EXPECT_EQ(LostHistory(milestones, Revision(1, 11)).CommonBefore(Revision(0, 12)), Revision(0, 10));
  EXPECT_EQ(LostHistory(milestones, Revision(1, 11)).CommonBefore(Revision(0, 10)), std::nullopt);
}

TEST(LostHistoryTest, ACursorMayStandAtTheEndOfAnEpochOrAtTheBeginningOfOne) {
  EXPECT_EQ(ThreeEpochs().CommonBeforeStart(Revision(0, 11)), std::nullopt);  // has seen 0.10
  EXPECT_EQ(ThreeEpochs().CommonBeforeStart(Revision(1, 11)), std::nullopt);  // wants 1.11 and what follows
  EXPECT_EQ(ThreeEpochs().CommonBeforeStart(Revision(0, 12)), Revision(0, 10));
  EXPECT_EQ(ThreeEpochs().CommonBeforeStart(Revision()), std::nullopt);
}

TEST(LostHistoryTest, FindsRevisionsByIndex) {
  EXPECT_EQ(ThreeEpochs().AtIndex(10), Revision(0, 10));
  EXPECT_EQ(ThreeEpochs().AtIndex(11), Revision(1, 11));
  EXPECT_EQ(ThreeEpochs().AtIndex(500), Revision(66, 500));
  EXPECT_EQ(ThreeEpochs().AtIndex(0), Revision());
}

}  // namespace
}  // namespace holdfast::serving
