#include "base/uuid.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/base/manual_clock.h"

namespace holdfast {
namespace {

class Uuid7Test : public ::testing::Test {
 protected:
  std::string New() { return NewUuid7(clock_, *random_); }

  ManualClock clock_;
  const std::unique_ptr<Random> random_ = SeededRandom(1);
};

TEST_F(Uuid7Test, SortsByTheTimeOfItsMaking) {
  std::string earlier = New();
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(absl::Milliseconds(1));
    const std::string later = New();
    ASSERT_LT(earlier, later);
    earlier = later;
  }
}

TEST_F(Uuid7Test, TellsWhenItWasMade) {
  clock_.Advance(absl::Microseconds(123'400));
  EXPECT_EQ(Uuid7Time(New()), absl::FromUnixMillis(absl::ToUnixMillis(clock_.Now())));
}

TEST_F(Uuid7Test, DiffersWithinOneMillisecond) {
  std::set<std::string> made;
  for (int i = 0; i < 1000; ++i) made.insert(New());
  EXPECT_EQ(made.size(), 1000u);
}

TEST_F(Uuid7Test, KnowsItsOwnKind) {
  const std::string uuid = New();
  EXPECT_TRUE(IsUuid7(uuid));
  EXPECT_FALSE(IsUuid7(uuid.substr(1)));
  EXPECT_FALSE(IsUuid7(""));
  EXPECT_FALSE(IsUuid7(std::string(16, '\0')));
  std::string version_4 = uuid;
  version_4[6] = 0x40;
  EXPECT_FALSE(IsUuid7(version_4));
}

TEST(UuidToStringTest, WritesTheFiveGroups) {
  EXPECT_EQ(UuidToString("\x01\x8f\x3c\x1e\x7a\x2b\x7c\x3d\x8e\x4f\x10\x11\x12\x13\x14\x15"),
            "018f3c1e-7a2b-7c3d-8e4f-101112131415");
}

}  // namespace
}  // namespace holdfast
