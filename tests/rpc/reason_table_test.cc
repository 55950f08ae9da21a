#include "rpc/reason_table.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace holdfast::rpc {
namespace {

TEST(ReasonTableTest, HasExactlyOneRowForEveryReasonOfTheProto) {
  std::set<int> rows;
  for (const ReasonRow& row : ReasonTable()) EXPECT_TRUE(rows.insert(row.reason).second) << row.reason;
  for (int number = v1::Reason_MIN; number <= v1::Reason_MAX; ++number) {
    if (!v1::Reason_IsValid(number) || number == v1::REASON_UNSPECIFIED) continue;
    EXPECT_EQ(rows.count(number), 1u) << v1::Reason_Name(number);
  }
  EXPECT_EQ(rows.count(v1::REASON_UNSPECIFIED), 0u);
}

TEST(ReasonTableTest, FindsEachRowByItsName) {
  for (const ReasonRow& row : ReasonTable()) EXPECT_EQ(FindReason(ReasonName(row.reason)), &row);
  EXPECT_EQ(FindReason("NO_SUCH_REASON"), nullptr);
  EXPECT_EQ(FindReason("REASON_STALE"), nullptr);
}

TEST(ReasonTableTest, UnavailableIsOnlyWhatMayBeRetriedBlindly) {
  for (const ReasonRow& row : ReasonTable()) {
    if (row.code == absl::StatusCode::kUnavailable) {
      EXPECT_EQ(row.retry, Retry::kElsewhere) << ReasonName(row.reason);
    }
  }
}

}  // namespace
}  // namespace holdfast::rpc
