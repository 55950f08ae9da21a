#include "client/call_policy.h"

#include "gtest/gtest.h"
#include "tests/client/fake_transport.h"

namespace holdfast::client {
namespace {

TEST(CallPolicyTest, NoCommitIsRepeatedAfterAReasonThatForbidsIt) {
  for (const rpc::ReasonRow& row : rpc::ReasonTable()) {
    if (row.retry != rpc::Retry::kNever) continue;
    const absl::Status status = Failure(std::string(rpc::ReasonName(row.reason)));
    const NextStep next = AfterCommit(status);
    EXPECT_TRUE(next == NextStep::kReturn || next == NextStep::kNextEndpoint) << status;
  }
}

TEST(CallPolicyTest, WhatMayBeRetriedElsewhereIsRetriedElsewhere) {
  for (const rpc::ReasonRow& row : rpc::ReasonTable()) {
    if (row.retry != rpc::Retry::kElsewhere || row.reason == v1::REASON_FOLLOW_LOOP) continue;
    EXPECT_NE(AfterRead(Failure(std::string(rpc::ReasonName(row.reason))), false), NextStep::kReturn)
        << rpc::ReasonName(row.reason);
  }
}

TEST(CallPolicyTest, ARefusalIsNeverTakenForAnUnknownOutcome) {
  for (const char* reason :
       {"PRECONDITION_FAILED", "INVALID_KEY", "TOO_LARGE", "NOT_PRIMARY", "STANDBY", "NO_PRIMARY", "DRAINING",
        "DISK_FULL", "RESOURCE_EXHAUSTED", "REQUEST_ID_REUSED"}) {
    EXPECT_FALSE(MayHaveCommitted(Failure(reason))) << reason;
  }
}

TEST(CallPolicyTest, WhatSaysNothingOfTheCommitIsTakenForAnUnknownOutcome) {
  for (const char* reason : {"UNREACHABLE", "DEADLINE", "COMMIT_UNKNOWN", "INTERNAL"}) {
    EXPECT_TRUE(MayHaveCommitted(Failure(reason))) << reason;
  }
  EXPECT_FALSE(MayHaveCommitted(Failure("DEADLINE", {{"committed", "no"}})));
  EXPECT_TRUE(MayHaveCommitted(absl::CancelledError("")));
  EXPECT_FALSE(MayHaveCommitted(NotConnectedError("a:1", "refused")));
}

}  // namespace
}  // namespace holdfast::client
