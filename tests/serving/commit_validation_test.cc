#include "serving/commit_validation.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"

namespace holdfast::serving {
namespace {

std::string RequestId() {
  std::string id(16, '\x11');
  id[6] = '\x7a';
  id[8] = '\x9c';
  return id;
}

v1::CommitRequest Put(const std::string& key, const std::string& value) {
  v1::CommitRequest request;
  request.set_request_id(RequestId());
  v1::Mutation* mutation = request.add_mutations();
  mutation->set_key(key);
  mutation->set_put(value);
  return request;
}

void ExpectRefused(const v1::CommitRequest& request, const std::string& reason, const std::string& field) {
  const absl::Status status = ValidateCommit(request);
  EXPECT_EQ(ReasonOf(status), reason) << status;
  EXPECT_EQ(DetailOf(status, "field"), field) << status;
}

TEST(ValidateCommitTest, TakesAnOrdinaryCommit) {
  v1::CommitRequest request = Put("a/b", "1");
  request.add_mutations()->set_key("a/c");
  request.mutable_mutations(1)->set_delete_(true);
  v1::Precondition* precondition = request.add_preconditions();
  precondition->set_key("a/b");
  precondition->set_absent(true);
  EXPECT_TRUE(ValidateCommit(request).ok()) << ValidateCommit(request);
}

TEST(ValidateCommitTest, TakesPreconditionsAlone) {
  v1::CommitRequest request;
  request.set_request_id(RequestId());
  v1::Precondition* precondition = request.add_preconditions();
  precondition->set_key("a/");
  precondition->set_range_end("a0");
  precondition->set_range_unchanged_since(7);
  EXPECT_TRUE(ValidateCommit(request).ok()) << ValidateCommit(request);
}

// Each may cost a look at the whole range, on the strand.
TEST(ValidateCommitTest, TakesFewRangePreconditions) {
  v1::CommitRequest request = Put("a", "1");
  for (int i = 0; i <= kMaxRangePreconditionsPerCommit; ++i) {
    EXPECT_TRUE(ValidateCommit(request).ok()) << i;
    v1::Precondition* precondition = request.add_preconditions();
    precondition->set_key("a/");
    precondition->set_range_end("a0");
    precondition->set_range_unchanged_since(i);
  }
  ExpectRefused(request, "TOO_LARGE", "preconditions.range_unchanged_since");
}

TEST(ValidateCommitTest, DemandsATimeOrderedRequestId) {
  v1::CommitRequest request = Put("a", "1");
  request.set_request_id("");
  ExpectRefused(request, "INVALID_REQUEST", "request_id");
  std::string version4 = RequestId();
  version4[6] = '\x4a';
  request.set_request_id(version4);
  ExpectRefused(request, "INVALID_REQUEST", "request_id");
  std::string other_variant = RequestId();
  other_variant[8] = '\x1c';
  request.set_request_id(other_variant);
  ExpectRefused(request, "INVALID_REQUEST", "request_id");
}

TEST(ValidateCommitTest, DemandsSomethingToDo) {
  v1::CommitRequest request;
  request.set_request_id(RequestId());
  ExpectRefused(request, "INVALID_REQUEST", "mutations");
}

TEST(ValidateCommitTest, RefusesAKeyTwice) {
  v1::CommitRequest request = Put("a", "1");
  *request.add_mutations() = request.mutations(0);
  const absl::Status status = ValidateCommit(request);
  EXPECT_EQ(ReasonOf(status), "INVALID_KEY");
  EXPECT_EQ(DetailOf(status, "key"), "a");
}

TEST(ValidateCommitTest, RefusesReservedKeys) {
  EXPECT_EQ(ReasonOf(ValidateCommit(Put("_holdfast/x", "1"))), "INVALID_KEY");
}

TEST(ValidateCommitTest, RefusesMutationsThatDoNothing) {
  v1::CommitRequest request = Put("a", "1");
  request.mutable_mutations(0)->clear_kind();
  ExpectRefused(request, "INVALID_REQUEST", "mutations[0].kind");
  request.mutable_mutations(0)->set_delete_(false);
  ExpectRefused(request, "INVALID_REQUEST", "mutations[0].delete");
}

TEST(ValidateCommitTest, NamesWhatIsTooLarge) {
  ExpectRefused(Put("a", std::string(kMaxValueBytes + 1, 'v')), "TOO_LARGE", "mutations[0].put");
  EXPECT_TRUE(ValidateCommit(Put("a", std::string(kMaxValueBytes, 'v'))).ok());
  v1::CommitRequest request = Put("a", "1");
  request.set_author(std::string(kMaxAuthorBytes + 1, 'x'));
  ExpectRefused(request, "TOO_LARGE", "author");
  request = Put("a", "1");
  request.set_message(std::string(kMaxMessageBytes + 1, 'x'));
  ExpectRefused(request, "TOO_LARGE", "message");
  request = Put("a", "1");
  for (const char* key : {"b", "c", "d"}) {
    request.add_mutations()->set_key(key);
    request.mutable_mutations(request.mutations_size() - 1)->set_put(std::string(kMaxValueBytes, 'v'));
  }
  ExpectRefused(request, "TOO_LARGE", "commit");
}

TEST(ValidateCommitTest, BoundsTheNumberOfMutations) {
  v1::CommitRequest request = Put("a", "1");
  for (int i = 0; i < kMaxChangesPerCommit; ++i) {
    request.add_mutations()->set_key(absl::StrCat("k", i));
    request.mutable_mutations(i + 1)->set_put("");
  }
  ExpectRefused(request, "TOO_LARGE", "mutations");
}

TEST(ValidateCommitTest, RefusesPreconditionsWithoutSense) {
  v1::CommitRequest request = Put("a", "1");
  v1::Precondition* precondition = request.add_preconditions();
  precondition->set_key("a");
  ExpectRefused(request, "INVALID_REQUEST", "preconditions[0].condition");
  precondition->set_mod_revision(0);
  ExpectRefused(request, "INVALID_REQUEST", "preconditions[0].mod_revision");
  precondition->set_mod_revision(3);
  precondition->set_range_end("b");
  ExpectRefused(request, "INVALID_REQUEST", "preconditions[0].range_end");
  precondition->set_absent(false);
  ExpectRefused(request, "INVALID_REQUEST", "preconditions[0].absent");
  precondition->set_range_unchanged_since(-1);
  ExpectRefused(request, "INVALID_REQUEST", "preconditions[0].range_unchanged_since");
}

TEST(CommitDeadlineTest, IsBoundedAndHasADefault) {
  const absl::Duration now = absl::Seconds(1000);
  EXPECT_EQ(*CommitDeadline(now, absl::InfiniteDuration()), now + kDefaultCommitDeadline);
  EXPECT_EQ(*CommitDeadline(now, absl::Hours(1)), now + kMaxCommitDeadline);
  EXPECT_EQ(*CommitDeadline(now, absl::Seconds(2)), now + absl::Seconds(2));
  EXPECT_EQ(ReasonOf(CommitDeadline(now, absl::ZeroDuration()).status()), "DEADLINE");
}

}  // namespace
}  // namespace holdfast::serving
