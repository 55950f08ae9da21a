#include "client/range.h"

#include "client/options.h"
#include "gmock/gmock.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::client {
namespace {

TEST(RangeTest, APrefixEndsWhereItsLastByteIsRaised) {
  EXPECT_EQ(PrefixEnd("a/"), "a0");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), std::string(1, '\0'));
  EXPECT_EQ(PrefixEnd(""), std::string(1, '\0'));
}

TEST(RangeTest, SplitsEndpointsAndDropsBlanks) {
  EXPECT_THAT(SplitEndpoints(" a:1, b:2,,"), ::testing::ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(SplitEndpoints("").empty());
}

}  // namespace
}  // namespace holdfast::client
