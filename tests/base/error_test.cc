#include "base/error.h"

#include "gtest/gtest.h"

namespace holdfast {
namespace {

TEST(ErrorTest, CarriesItsReasonAndDetails) {
  const absl::Status status =
      WithDetail(WithDetail(MakeError(absl::StatusCode::kDataLoss, "DATA_DAMAGED", "bad"), "path", "/a:b"),
                 "limit", "7");
  EXPECT_EQ(ReasonOf(status), "DATA_DAMAGED");
  EXPECT_EQ(status.message(), "bad");
  EXPECT_EQ(DetailsOf(status), (std::map<std::string, std::string>{{"limit", "7"}, {"path", "/a:b"}}));
}

TEST(ErrorTest, ALaterDetailOfTheSameNameReplaces) {
  absl::Status status = MakeError(absl::StatusCode::kInternal, "INTERNAL", "bad");
  status = WithDetail(WithDetail(status, "primary", "old"), "primary", "");
  EXPECT_EQ(DetailsOf(status).size(), 1u);
  EXPECT_EQ(DetailOf(status, "primary"), "");
}

TEST(ErrorTest, DetailsHoldAnyBytes) {
  const std::string bytes("3:x\0\n", 5);
  const absl::Status status =
      WithDetail(MakeError(absl::StatusCode::kInternal, "INTERNAL", ""), bytes, bytes);
  EXPECT_EQ(DetailOf(status, bytes), bytes);
}

TEST(ErrorTest, OkHasNoReasonAndStaysOk) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), "");
  EXPECT_TRUE(WithDetail(absl::OkStatus(), "a", "b").ok());
  EXPECT_TRUE(WithContext(absl::OkStatus(), "a").ok());
}

TEST(ErrorTest, AForeignStatusHasNoReason) { EXPECT_EQ(ReasonOf(absl::AbortedError("x")), ""); }

TEST(ErrorTest, ContextKeepsReasonAndDetails) {
  const absl::Status status = WithContext(
      WithDetail(MakeError(absl::StatusCode::kResourceExhausted, "DISK_FULL", "no room"), "path", "/d"),
      "commit 7");
  EXPECT_EQ(ReasonOf(status), "DISK_FULL");
  EXPECT_EQ(DetailOf(status, "path"), "/d");
  EXPECT_EQ(status.message(), "commit 7: no room");
}

}  // namespace
}  // namespace holdfast
