#include "base/status_macros.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace holdfast {
namespace {

absl::Status Check(int* call_count, absl::Status answer) {
  ++*call_count;
  return answer;
}

absl::Status ReturnIfError(int* call_count, absl::Status answer) {
  HF_RETURN_IF_ERROR(Check(call_count, std::move(answer)));
  return absl::AlreadyExistsError("went on");
}

absl::StatusOr<size_t> LengthOf(absl::StatusOr<std::unique_ptr<std::string>> text) {
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<std::string> owned, std::move(text));
  HF_ASSIGN_OR_RETURN(const size_t length, absl::StatusOr<size_t>(owned->size()));
  return length;
}

TEST(StatusMacrosTest, ReturnIfErrorGoesOnAfterSuccess) {
  int call_count = 0;
  EXPECT_EQ(ReturnIfError(&call_count, absl::OkStatus()), absl::AlreadyExistsError("went on"));
  EXPECT_EQ(call_count, 1);
}

TEST(StatusMacrosTest, ReturnIfErrorReturnsTheFailureUnchanged) {
  int call_count = 0;
  absl::Status failure = absl::DataLossError("row 7");
  failure.SetPayload("reason", absl::Cord("DAMAGED"));
  EXPECT_EQ(ReturnIfError(&call_count, failure), failure);
  EXPECT_EQ(call_count, 1);
}

TEST(StatusMacrosTest, AssignOrReturnMovesTheValueOut) {
  EXPECT_EQ(*LengthOf(std::make_unique<std::string>("four")), 4u);
}

TEST(StatusMacrosTest, AssignOrReturnReturnsTheFailure) {
  EXPECT_EQ(LengthOf(absl::NotFoundError("gone")).status(), absl::NotFoundError("gone"));
}

TEST(StatusMacrosTest, WorkAsTheOnlyStatementOfABranch) {
  const auto branch = [](bool fail) -> absl::Status {
    if (fail)
      HF_RETURN_IF_ERROR(absl::AbortedError("taken"));
    else
      return absl::OkStatus();
    return absl::InternalError("unreachable");
  };
  EXPECT_TRUE(absl::IsAborted(branch(true)));
  EXPECT_TRUE(branch(false).ok());
}

}  // namespace
}  // namespace holdfast
