#include "replication/freshness.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace holdfast::replication {
namespace {

constexpr absl::Duration kZero = absl::ZeroDuration();

TEST(FreshnessTest, KnowsNoBoundBeforeTheFirstEcho) {
  Freshness freshness;
  freshness.NextProbe(absl::Seconds(1));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
}

TEST(FreshnessTest, IsAsOldAsTheEchoedProbe) {
  Freshness freshness;
  const uint64_t probe = freshness.NextProbe(absl::Seconds(1));
  freshness.NextProbe(absl::Seconds(2));
  freshness.OnHeartbeat(probe, kZero, Revision(0, 5), Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(1));
}

TEST(FreshnessTest, AHeartbeatThatLayInABufferProvesNothingNew) {
  Freshness freshness;
  const uint64_t probe = freshness.NextProbe(absl::Seconds(1));
  const uint64_t later = freshness.NextProbe(absl::Seconds(9));
  freshness.OnHeartbeat(later, kZero, Revision(0, 5), Revision(0, 5));
  freshness.OnHeartbeat(probe, kZero, Revision(0, 5), Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(9));
}

TEST(FreshnessTest, ARelaysOwnAgeIsAdded) {
  Freshness freshness;
  freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(10)), absl::Seconds(3), Revision(0, 5),
                        Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(7));
}

TEST(FreshnessTest, AnUpstreamWithoutABoundGivesNone) {
  Freshness freshness;
  freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(10)), std::nullopt, Revision(0, 5), Revision(0, 5));
  freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(10)), -absl::Seconds(1), Revision(0, 5),
                        Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
}

TEST(FreshnessTest, TheBoundWaitsUntilWhatWasCommittedIsShown) {
  Freshness freshness;
  freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(1)), kZero, Revision(0, 8), Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
  freshness.OnVisible(Revision(0, 7));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
  freshness.OnVisible(Revision(0, 8));
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(1));
}

TEST(FreshnessTest, AReplicaThatIsAlwaysALittleBehindStillGetsABound) {
  Freshness freshness;
  for (int i = 1; i <= 1000; ++i) {
    freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(i)), kZero, Revision(0, i), Revision(0, 0));
  }
  freshness.OnVisible(Revision(0, 10));
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(10));
}

TEST(FreshnessTest, EchoesOfAnOlderStreamOrOfNobodyCountNothing) {
  Freshness freshness;
  const uint64_t probe = freshness.NextProbe(absl::Seconds(1));
  freshness.OnDisconnected();
  freshness.OnHeartbeat(probe, kZero, Revision(0, 1), Revision(0, 5));
  freshness.OnHeartbeat(77, kZero, Revision(0, 1), Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
}

TEST(FreshnessTest, TheBoundOutlivesTheStream) {
  Freshness freshness;
  freshness.OnHeartbeat(freshness.NextProbe(absl::Seconds(1)), kZero, Revision(0, 1), Revision(0, 5));
  freshness.OnDisconnected();
  EXPECT_EQ(freshness.FreshAt(), absl::Seconds(1));
  freshness.Reset();
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
}

TEST(FreshnessTest, ForgottenProbesOnlyMakeDataLookOlder) {
  Freshness freshness;
  const uint64_t first = freshness.NextProbe(absl::Seconds(1));
  for (size_t i = 0; i < kMaxProbesInFlight; ++i) freshness.NextProbe(absl::Seconds(2));
  freshness.OnHeartbeat(first, kZero, Revision(0, 1), Revision(0, 5));
  EXPECT_EQ(freshness.FreshAt(), std::nullopt);
}

}  // namespace
}  // namespace holdfast::replication
