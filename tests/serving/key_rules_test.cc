#include "serving/key_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"
#include "base/limits.h"

namespace holdfast::serving {
namespace {

TEST(KeyRulesTest, TakesPathsOfUtf8AsTheyAre) {
  for (const char* key :
       {"a", "dc/tenant-1/agents/zoë", "/leading", "trailing/", "a//b", "a.b/..c/...", "日本/設定", "😀"})
    EXPECT_TRUE(CheckKey(key).ok()) << key;
  EXPECT_TRUE(CheckKey(std::string(kMaxKeyBytes, 'k')).ok());
}

TEST(KeyRulesTest, RefusesEmptyAndOverlongKeysNamingTheLimit) {
  EXPECT_EQ(ReasonOf(CheckKey("")), "INVALID_KEY");
  const absl::Status status = CheckKey(std::string(kMaxKeyBytes + 1, 'k'));
  EXPECT_EQ(ReasonOf(status), "INVALID_KEY");
  EXPECT_EQ(DetailOf(status, "limit"), "at most 1024 bytes");
  EXPECT_LT(DetailOf(status, "key").size(), 200u);
}

TEST(KeyRulesTest, RefusesControlCharacters) {
  for (const std::string& key :
       {std::string("a\nb"), std::string("a\0b", 3), std::string("\x7f"), std::string("a\xc2\x85")})
    EXPECT_EQ(ReasonOf(CheckKey(key)), "INVALID_KEY") << DetailOf(CheckKey(key), "key");
  EXPECT_TRUE(CheckKey("a\xc2\xa0").ok());
}

TEST(KeyRulesTest, RefusesDotSegments) {
  for (const char* key : {".", "..", "a/./b", "a/..", "../a", "/."})
    EXPECT_EQ(ReasonOf(CheckKey(key)), "INVALID_KEY") << key;
}

TEST(KeyRulesTest, RefusesWhatIsNotUtf8) {
  for (const char* key : {"\xff", "a\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\x80", "\xf0\x9f\x98"})
    EXPECT_EQ(ReasonOf(CheckKey(key)), "INVALID_KEY");
}

TEST(KeyRulesTest, ShowsBadKeysAsText) { EXPECT_EQ(DetailOf(CheckKey("a\xff"), "key"), "a\\xff"); }

TEST(KeyRulesTest, KeepsTheReservedPrefixForTheCluster) {
  EXPECT_TRUE(CheckKey("_holdfast/cluster").ok());
  EXPECT_EQ(ReasonOf(CheckWritableKey("_holdfast/cluster")), "INVALID_KEY");
  EXPECT_TRUE(CheckWritableKey("_holdfastish").ok());
}

TEST(KeyRulesTest, BoundsOfRangesNeedNotBeKeys) {
  EXPECT_TRUE(CheckRange("", std::string(1, '\0')).ok());
  EXPECT_TRUE(CheckRange("a", "\xff").ok());
  EXPECT_EQ(ReasonOf(CheckRange("", "")), "INVALID_KEY");
  EXPECT_EQ(ReasonOf(CheckRange("a", std::string(kMaxKeyBytes + 1, 'b'))), "INVALID_KEY");
}

TEST(KeyRulesTest, RefusesToWatchNothing) {
  EXPECT_EQ(ReasonOf(CheckNonEmptyRange("b", "a")), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(CheckNonEmptyRange("b", "b")), "INVALID_REQUEST");
  EXPECT_TRUE(CheckNonEmptyRange("a", "b").ok());
}

}  // namespace
}  // namespace holdfast::serving
