#include "base/backoff.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

constexpr Backoff::Options kOptions{.initial = absl::Milliseconds(100), .maximum = absl::Seconds(1)};

TEST(BackoffTest, DoublesItsBoundUpToTheMaximum) {
  const std::unique_ptr<Random> random = SeededRandom(1);
  Backoff backoff(kOptions, random.get());
  for (int bound_ms : {100, 200, 400, 800, 1000, 1000, 1000}) {
    const absl::Duration delay = backoff.Next();
    EXPECT_GE(delay, absl::Milliseconds(bound_ms) / 2);
    EXPECT_LE(delay, absl::Milliseconds(bound_ms));
  }
}

TEST(BackoffTest, StaysAtTheMaximumForEver) {
  const std::unique_ptr<Random> random = SeededRandom(1);
  Backoff backoff(kOptions, random.get());
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration delay = backoff.Next();
    ASSERT_GT(delay, absl::ZeroDuration());
    ASSERT_LE(delay, kOptions.maximum);
  }
}

TEST(BackoffTest, BeginsAgainAfterReset) {
  const std::unique_ptr<Random> random = SeededRandom(1);
  Backoff backoff(kOptions, random.get());
  for (int i = 0; i < 10; ++i) backoff.Next();
  backoff.Reset();
  EXPECT_LE(backoff.Next(), kOptions.initial);
}

TEST(BackoffTest, SpreadsTwoClientsApart) {
  const std::unique_ptr<Random> one_random = SeededRandom(1);
  const std::unique_ptr<Random> two_random = SeededRandom(2);
  Backoff one(kOptions, one_random.get());
  Backoff two(kOptions, two_random.get());
  EXPECT_NE(one.Next(), two.Next());
}

}  // namespace
}  // namespace holdfast
