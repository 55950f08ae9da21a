#include "admin/change_document.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace holdfast::admin {
namespace {

absl::Status Read(const std::string& text, v1::CommitRequest& request) {
  return ReadChangeDocument("changes.json", text, request);
}

TEST(ChangeDocumentTest, ReadsEveryKindOfChangeAndPrecondition) {
  v1::CommitRequest request;
  const absl::Status status = Read(R"({
    "message": "why",
    "preconditions": [{"key": "a", "absent": true}, {"key": "b", "mod_revision": "1.2"},
                      {"prefix": "c/", "unchanged_since": 17}],
    "changes": [{"key": "a", "value": "text"}, {"key": "b", "base64": "AAE="}, {"key": "d", "delete": true}]})",
                                   request);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(request.message(), "why");
  EXPECT_TRUE(request.preconditions(0).absent());
  EXPECT_EQ(request.preconditions(1).mod_revision(), (int64_t{1} << 36) + 2);
  EXPECT_EQ(request.preconditions(2).range_unchanged_since(), 17);
  EXPECT_EQ(request.preconditions(2).range_end(), "c0");
  EXPECT_EQ(request.mutations(1).put(), std::string("\0\1", 2));
  EXPECT_TRUE(request.mutations(2).delete_());
}

class BadDocumentTest : public ::testing::TestWithParam<const char*> {};

TEST_P(BadDocumentTest, IsRefusedWithItsName) {
  v1::CommitRequest request;
  const absl::Status status = Read(GetParam(), request);
  EXPECT_EQ(ReasonOf(status), "INVALID_REQUEST") << status;
  EXPECT_NE(status.message().find("changes.json"), absl::string_view::npos) << status;
}

INSTANTIATE_TEST_SUITE_P(
    Documents, BadDocumentTest,
    ::testing::Values("", "[]", "{}", R"({"changes": []})", R"({"change": []})",
                      R"({"changes": [{"key": "a"}]})", R"({"changes": [{"key": "a", "value": 1}]})",
                      R"({"changes": [{"key": "a", "value": "x", "delete": true}]})",
                      R"({"changes": [{"key": "a", "base64": "!"}]})",
                      R"({"changes": [{"key": "a", "valu": "x"}]})",
                      R"({"changes": [{"key": "a", "value": "x"}], "preconditions": [{"key": "a"}]})",
                      R"({"changes": [{"key": "a", "value": "x"}],
                                               "preconditions": [{"key": "a", "mod_revision": "x.y"}]})"));

}  // namespace
}  // namespace holdfast::admin
