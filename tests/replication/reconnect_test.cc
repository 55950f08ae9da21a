#include "replication/reconnect.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace holdfast::replication {
namespace {

TEST(ReconnectTest, WaitsLongerWithEachFailureAndShortAgainAfterSuccess) {
  const auto random = SeededRandom(1);
  Reconnect reconnect(random.get());
  absl::Duration last;
  for (int i = 0; i < 12; ++i) last = reconnect.NextDelay();
  EXPECT_GE(last, absl::Milliseconds(500));
  reconnect.OnSuccess();
  EXPECT_LE(reconnect.NextDelay(), absl::Milliseconds(50));
}

TEST(ReconnectTest, SpreadsOnceOverTheWindowOfTheUpstream) {
  const auto random = SeededRandom(1);
  absl::Duration lowest = absl::InfiniteDuration(), highest;
  for (int i = 0; i < 200; ++i) {
    Reconnect reconnect(random.get());
    reconnect.Spread(absl::Seconds(10));
    const absl::Duration delay = reconnect.NextDelay();
    lowest = std::min(lowest, delay);
    highest = std::max(highest, delay);
    EXPECT_LE(reconnect.NextDelay(), absl::Milliseconds(50));
  }
  EXPECT_LT(lowest, absl::Seconds(1));
  EXPECT_GT(highest, absl::Seconds(9));
  EXPECT_LE(highest, absl::Seconds(10));
}

TEST(ReconnectTest, NoWindowIsLongerThanTheBound) {
  const auto random = SeededRandom(1);
  Reconnect reconnect(random.get());
  reconnect.Spread(absl::InfiniteDuration());
  EXPECT_LE(reconnect.NextDelay(), kMaxReconnectWindow);
}

}  // namespace
}  // namespace holdfast::replication
