#include "serving/range.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::serving {
namespace {

const std::string kZero(1, '\0');

TEST(KeyRangeTest, WithoutAnEndIsTheOneKey) {
  const KeyRange range("a", "");
  EXPECT_TRUE(range.IsSingleKey());
  EXPECT_TRUE(range.Contains("a"));
  EXPECT_FALSE(range.Contains("a" + kZero));
  EXPECT_FALSE(range.Contains("b"));
  EXPECT_FALSE(range.IsEmpty());
}

TEST(KeyRangeTest, IsHalfOpen) {
  const KeyRange range("a", "c");
  EXPECT_TRUE(range.Contains("a"));
  EXPECT_TRUE(range.Contains("b\xff"));
  EXPECT_FALSE(range.Contains("c"));
  EXPECT_FALSE(range.Contains(""));
}

TEST(KeyRangeTest, AZeroByteIsTheEndOrTheBeginningOfEverything) {
  const KeyRange from_b("b", kZero);
  EXPECT_TRUE(from_b.unbounded());
  EXPECT_TRUE(from_b.Contains("\xff\xff\xff"));
  EXPECT_FALSE(from_b.Contains("a"));
  const KeyRange all(kZero, kZero);
  EXPECT_TRUE(all.Contains(""));
  EXPECT_TRUE(all.Contains("\xff"));
}

TEST(KeyRangeTest, IsEmptyIfItEndsBeforeItBegins) {
  EXPECT_TRUE(KeyRange("b", "a").IsEmpty());
  EXPECT_TRUE(KeyRange("b", "b").IsEmpty());
  EXPECT_FALSE(KeyRange("b", kZero).IsEmpty());
}

TEST(KeyRangeTest, PrefixEndsWhereNoKeyHasThePrefixAnyMore) {
  EXPECT_EQ(PrefixEnd("a/"), "a0");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), kZero);
  EXPECT_EQ(PrefixEnd(""), kZero);
}

}  // namespace
}  // namespace holdfast::serving
