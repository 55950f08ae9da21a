#include "rpc/channel.h"

#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/health.h"
#include "rpc/wire_limits.h"

namespace holdfast::rpc {
namespace {

TEST(ChannelCacheTest, GivesOneChannelPerAddressUntilItIsDropped) {
  auto cache = ChannelCache::Create({}, ChannelUse::kPeer);
  ASSERT_TRUE(cache.ok());
  const auto first = (*cache)->Get("127.0.0.1:7400");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*(*cache)->Get("127.0.0.1:7400"), *first);
  EXPECT_NE(*(*cache)->Get("127.0.0.1:7401"), *first);
  (*cache)->Drop("127.0.0.1:7400");
  EXPECT_NE(*(*cache)->Get("127.0.0.1:7400"), *first);
}

TEST(ChannelCacheTest, RefusesWhatIsNoAddress) {
  auto cache = ChannelCache::Create({}, ChannelUse::kClient);
  ASSERT_TRUE(cache.ok());
  EXPECT_EQ(ReasonOf((*cache)->Get("nonsense").status()), "INVALID_REQUEST");
}

TEST(ChannelCacheTest, HoldsNoMoreChannelsThanItsBound) {
  auto cache = ChannelCache::Create({}, ChannelUse::kClient);
  ASSERT_TRUE(cache.ok());
  const auto kept = *(*cache)->Get("127.0.0.1:1");
  const auto oldest = *(*cache)->Get("127.0.0.1:2");
  for (int port = 3; port <= kMaxCachedChannels + 1; ++port) {
    ASSERT_TRUE((*cache)->Get("127.0.0.1:" + std::to_string(port)).ok());
    ASSERT_EQ(*(*cache)->Get("127.0.0.1:1"), kept);
  }
  EXPECT_NE(*(*cache)->Get("127.0.0.1:2"), oldest);
}

TEST(ChannelCacheTest, ANodeThatIsNotThereIsUnreachable) {
  auto cache = ChannelCache::Create({}, ChannelUse::kClient);
  ASSERT_TRUE(cache.ok());
  EXPECT_EQ(ProbeHealth(*(*cache)->Get("127.0.0.1:1"), absl::Milliseconds(50)), HealthAnswer::kUnreachable);
}

}  // namespace
}  // namespace holdfast::rpc
