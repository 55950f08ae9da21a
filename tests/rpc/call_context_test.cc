#include "rpc/call_context.h"

#include "gtest/gtest.h"

namespace holdfast::rpc {
namespace {

TEST(CallContextTest, AnswersOfChangesComeBeforeTheirCallersGiveUp) {
  EXPECT_EQ(TimeToDecide(absl::Seconds(4)), absl::Milliseconds(3600));
  EXPECT_EQ(TimeToDecide(absl::Seconds(1)), absl::Milliseconds(800));
  EXPECT_EQ(TimeToDecide(absl::Seconds(60)), absl::Seconds(59));
  EXPECT_EQ(TimeToDecide(absl::Milliseconds(100)), absl::Milliseconds(50));
  EXPECT_EQ(TimeToDecide(absl::ZeroDuration()), absl::ZeroDuration());
  EXPECT_EQ(TimeToDecide(absl::InfiniteDuration()), absl::InfiniteDuration());
}

}  // namespace
}  // namespace holdfast::rpc
