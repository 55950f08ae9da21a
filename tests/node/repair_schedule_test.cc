#include "node/repair_schedule.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

constexpr absl::Duration kStart = absl::Hours(100);

TEST(RepairScheduleTest, TheFirstRepairBeginsAtOnceAndOnlyOneAtATime) {
  RepairSchedule schedule;
  EXPECT_EQ(schedule.OnDamage(kStart), absl::ZeroDuration());
  EXPECT_EQ(schedule.OnDamage(kStart), std::nullopt);
  schedule.Begin(kStart);
  EXPECT_EQ(schedule.OnDamage(kStart + absl::Hours(9)), std::nullopt);
}

TEST(RepairScheduleTest, DamageThatComesBackIsRepairedAgainAnyNumberOfTimesLaterEachTime) {
  RepairSchedule schedule;
  absl::Duration now = kStart;
  absl::Duration before;
  for (int i = 0; i < 100; ++i) {
    const auto wait = schedule.OnDamage(now);
    ASSERT_TRUE(wait.has_value());
    EXPECT_GE(*wait, before);
    EXPECT_LE(*wait, RepairSchedule::kLongestPause);
    before = *wait;
    now += *wait;
    schedule.Begin(now);
    schedule.End();
  }
  EXPECT_EQ(before, RepairSchedule::kLongestPause);
}

TEST(RepairScheduleTest, TheTimeThatARepairTookCounts) {
  RepairSchedule schedule;
  schedule.OnDamage(kStart);
  schedule.Begin(kStart);
  schedule.End();
  EXPECT_EQ(schedule.OnDamage(kStart + absl::Seconds(4)), absl::Seconds(6));
}

TEST(RepairScheduleTest, AfterACalmTimeItIsANewMatter) {
  RepairSchedule schedule;
  absl::Duration now = kStart;
  for (int i = 0; i < 5; ++i) {
    now += *schedule.OnDamage(now);
    schedule.Begin(now);
    schedule.End();
  }
  now += RepairSchedule::kCalm + absl::Seconds(1);
  EXPECT_EQ(schedule.OnDamage(now), absl::ZeroDuration());
  schedule.Begin(now);
  schedule.End();
  EXPECT_EQ(schedule.OnDamage(now), RepairSchedule::kFirstPause);
}

}  // namespace
}  // namespace holdfast::node
