#include "rpc/status.h"

#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/reason_table.h"

namespace holdfast::rpc {
namespace {

TEST(StatusTest, EveryReasonCrossesTheWireWithCodeMessageAndDetails) {
  for (const ReasonRow& row : ReasonTable()) {
    const absl::Status sent = WithDetail(MakeError(row.code, ReasonName(row.reason), "what happened"),
                                         "primary_address", "10.0.0.1:7400");
    const absl::Status received = FromGrpcStatus(ToGrpcStatus(sent));
    EXPECT_EQ(received.code(), row.code);
    EXPECT_EQ(ReasonOf(received), ReasonName(row.reason));
    EXPECT_EQ(received.message(), "what happened");
    EXPECT_EQ(DetailOf(received, "primary_address"), "10.0.0.1:7400");
  }
}

TEST(StatusTest, TheTableDecidesTheCodeOnTheWire) {
  const grpc::Status wire = ToGrpcStatus(MakeError(absl::StatusCode::kNotFound, "IO_ERROR", "no such file"));
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INTERNAL);
}

TEST(StatusTest, AStatusWithoutReasonIsInternalAndNeverUnavailable) {
  const grpc::Status wire = ToGrpcStatus(absl::UnavailableError("somebody forgot a reason"));
  EXPECT_EQ(wire.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(ReasonOf(FromGrpcStatus(wire)), "INTERNAL");
}

TEST(StatusTest, ACancellationStaysACancellation) {
  EXPECT_TRUE(absl::IsCancelled(FromGrpcStatus(ToGrpcStatus(absl::CancelledError("gone")))));
}

TEST(StatusTest, WhatGrpcItselfReportsGetsTheReasonThatFits) {
  const auto reason = [](grpc::StatusCode code) { return ReasonOf(FromGrpcStatus(grpc::Status(code, "x"))); };
  EXPECT_EQ(reason(grpc::StatusCode::UNAVAILABLE), "UNREACHABLE");
  EXPECT_EQ(reason(grpc::StatusCode::DEADLINE_EXCEEDED), "DEADLINE");
  EXPECT_EQ(reason(grpc::StatusCode::PERMISSION_DENIED), "PERMISSION_DENIED");
  EXPECT_EQ(reason(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
  EXPECT_EQ(reason(grpc::StatusCode::UNIMPLEMENTED), "INTERNAL");
}

TEST(StatusTest, OkIsOkBothWays) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(StatusTest, DetailsThatAreNotOursAreNotTrusted) {
  const grpc::Status foreign(grpc::StatusCode::UNAVAILABLE, "x", "\x01\x02 not a proto");
  EXPECT_EQ(ReasonOf(FromGrpcStatus(foreign)), "UNREACHABLE");
}

TEST(StatusTest, ALongMessageIsCutToWhatTrailingMetadataHolds) {
  const grpc::Status wire =
      ToGrpcStatus(MakeError(absl::StatusCode::kInternal, "INTERNAL", std::string(100'000, 'm')));
  EXPECT_LT(wire.error_message().size() + wire.error_details().size(), 8192u);
}

}  // namespace
}  // namespace holdfast::rpc
