#include "replication/pin_schedule.h"

#include <gtest/gtest.h>

namespace holdfast::replication {
namespace {

TEST(PinScheduleTest, IsTriedAtOnceAndThenLaterEachTime) {
  PinSchedule schedule;
  absl::Duration now = absl::Seconds(100);
  EXPECT_TRUE(schedule.IsDue(now));
  for (const int seconds : {1, 2, 4, 8, 16, 32, 32, 32}) {
    schedule.OnFailure(now);
    EXPECT_FALSE(schedule.IsDue(now + absl::Seconds(seconds) - absl::Milliseconds(1))) << seconds;
    now += absl::Seconds(seconds);
    EXPECT_TRUE(schedule.IsDue(now)) << seconds;
  }
}

TEST(PinScheduleTest, OneThatComesAndGoesIsTriedAsSeldomAsOneThatIsGone) {
  PinSchedule schedule;
  const absl::Duration now = absl::Seconds(100);
  schedule.OnFailure(now);
  schedule.OnFailure(now);
  schedule.OnFed(PinSchedule::kProven - absl::Milliseconds(1));
  schedule.OnFailure(now);
  EXPECT_FALSE(schedule.IsDue(now + absl::Seconds(3)));
  schedule.OnFed(PinSchedule::kProven);
  schedule.OnFailure(now);
  EXPECT_TRUE(schedule.IsDue(now + absl::Seconds(1)));
}

TEST(PinScheduleTest, RestsWhileANewPrimaryCalls) {
  PinSchedule schedule;
  schedule.Rest(absl::Seconds(100), absl::Seconds(5));
  EXPECT_FALSE(schedule.IsDue(absl::Seconds(104)));
  EXPECT_TRUE(schedule.IsDue(absl::Seconds(105)));
  schedule.Rest(absl::Seconds(100), absl::Seconds(5));
  schedule.Reset();
  EXPECT_TRUE(schedule.IsDue(absl::Seconds(100)));
}

}  // namespace
}  // namespace holdfast::replication
