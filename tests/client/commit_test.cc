#include "base/uuid.h"
#include "gmock/gmock.h"
#include "tests/client/client_fixture.h"

namespace holdfast::client {
namespace {

using ::testing::ElementsAre;

class CommitTest : public ClientTest {
 protected:
  static auto Commits(int64_t revision) {
    return [revision](const v1::CommitRequest&) -> absl::StatusOr<v1::CommitResponse> {
      v1::CommitResponse response;
      response.set_revision(revision);
      response.set_changed(true);
      return response;
    };
  }
  static auto Refuses(const std::string& reason, const std::map<std::string, std::string>& details = {}) {
    return Fails<v1::CommitResponse>(Failure(reason, details));
  }
  absl::StatusOr<v1::CommitResponse> CommitOne() {
    v1::CommitRequest request;
    request.add_mutations()->set_key("k");
    return client_->Commit(request);
  }
  void ExpectOneRequestId() {
    ASSERT_FALSE(network_->calls.empty());
    const std::string& id = network_->calls[0].commit.request_id();
    EXPECT_TRUE(IsUuid7(id));
    for (const auto& call : network_->calls) EXPECT_EQ(call.commit.request_id(), id);
  }
};

TEST_F(CommitTest, FollowsTheAddressOfThePrimaryAndRemembersIt) {
  network_->nodes["a:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "p:1"}});
  network_->nodes["p:1"].commit = Commits(8);
  EXPECT_EQ(CommitOne()->revision(), 8);
  EXPECT_EQ(client_->seen_revision(), 8);
  ExpectOneRequestId();
  ASSERT_TRUE(CommitOne().ok());
  EXPECT_THAT(network_->addresses(), ElementsAre("a:1", "p:1", "p:1"));
}

TEST_F(CommitTest, AsksOthersWhenThePrimaryItKnewIsGone) {
  network_->nodes["a:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "p:1"}});
  network_->nodes["p:1"].commit = Commits(8);
  ASSERT_TRUE(CommitOne().ok());
  network_->nodes["p:1"].commit = nullptr;
  network_->nodes["a:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "q:1"}});
  network_->nodes["q:1"].commit = Commits(9);
  EXPECT_EQ(CommitOne()->revision(), 9);
}

TEST_F(CommitTest, NothingSentIsAFailureNotAnUnknownOutcome) {
  EXPECT_EQ(ReasonOf(CommitOne().status()), "UNREACHABLE");
  ExpectOneRequestId();
}

TEST_F(CommitTest, AnAnswerThatWasLostIsAnUnknownOutcomeThatNamesTheRequestId) {
  network_->nodes["a:1"].commit = Refuses("UNREACHABLE");
  const absl::Status status = CommitOne().status();
  EXPECT_EQ(ReasonOf(status), "COMMIT_UNKNOWN");
  EXPECT_EQ(DetailOf(status, "request_id"), UuidToString(network_->calls[0].commit.request_id()));
  ExpectOneRequestId();
}

TEST_F(CommitTest, ALostAnswerIsFoundOutByRepeatingTheSameRequest) {
  int asked = 0;
  network_->nodes["a:1"].commit = [&](const v1::CommitRequest&) -> absl::StatusOr<v1::CommitResponse> {
    if (++asked == 1) return Failure("UNREACHABLE");
    v1::CommitResponse response;
    response.set_revision(3);
    response.set_repeated(true);
    return response;
  };
  const auto response = CommitOne();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_TRUE(response->repeated());
  ExpectOneRequestId();
}

TEST_F(CommitTest, ARefusalAfterALostAnswerSettlesTheMatter) {
  int asked = 0;
  network_->nodes["a:1"].commit = [&](const v1::CommitRequest&) -> absl::StatusOr<v1::CommitResponse> {
    return ++asked == 1 ? Failure("UNREACHABLE") : Failure("PRECONDITION_FAILED");
  };
  EXPECT_EQ(ReasonOf(CommitOne().status()), "PRECONDITION_FAILED");
}

TEST_F(CommitTest, AFailureThatSaysNothingOfALostAttemptLeavesItUnknown) {
  for (const char* reason : {"DISK_FULL", "UNAUTHENTICATED", "PERMISSION_DENIED", "TOO_LARGE"}) {
    int asked = 0;
    network_->nodes["a:1"].commit = [&](const v1::CommitRequest&) -> absl::StatusOr<v1::CommitResponse> {
      return ++asked == 1 ? Failure("COMMIT_UNKNOWN") : Failure(reason);
    };
    const absl::Status status = CommitOne().status();
    EXPECT_EQ(ReasonOf(status), "COMMIT_UNKNOWN") << reason;
    EXPECT_EQ(asked, 2) << reason;
  }
}

TEST_F(CommitTest, AFullDiskAtTheFirstAttemptIsAPlainFailure) {
  network_->nodes["a:1"].commit = Refuses("DISK_FULL");
  EXPECT_EQ(ReasonOf(CommitOne().status()), "DISK_FULL");
}

TEST_F(CommitTest, NoPrimaryAfterALostAnswerLeavesTheOutcomeUnknown) {
  network_->nodes["a:1"].commit = Refuses("DEADLINE");
  network_->nodes["b:1"].commit = Refuses("NO_PRIMARY", {{"since", "x"}});
  EXPECT_EQ(ReasonOf(CommitOne().status()), "COMMIT_UNKNOWN");
}

TEST_F(CommitTest, NoPrimaryIsReportedOnceEverybodyHasSaidSo) {
  network_->nodes["a:1"].commit = Refuses("NO_PRIMARY");
  network_->nodes["b:1"].commit = Refuses("NO_PRIMARY");
  EXPECT_EQ(ReasonOf(CommitOne().status()), "NO_PRIMARY");
  EXPECT_EQ(network_->calls.size(), 2u);
}

TEST_F(CommitTest, APrimaryThatIsNamedButGoneIsWhatIsReported) {
  network_->nodes["a:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "p:1"}});
  network_->nodes["b:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "p:1"}});
  const absl::Status status = CommitOne().status();
  EXPECT_EQ(ReasonOf(status), "UNREACHABLE");
  EXPECT_EQ(DetailOf(status, "address"), "p:1");
}

TEST_F(CommitTest, NodesThatPointAtEachOtherDoNotLeadForEver) {
  network_->nodes["a:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "b:1"}});
  network_->nodes["b:1"].commit = Refuses("NOT_PRIMARY", {{"primary_address", "a:1"}});
  EXPECT_EQ(ReasonOf(CommitOne().status()), "NOT_PRIMARY");
  EXPECT_LE(network_->calls.size(), 8u);
}

TEST_F(CommitTest, ARequestIdThatIsGivenIsKept) {
  network_->nodes["a:1"].commit = Commits(4);
  v1::CommitRequest request;
  request.set_request_id(client_->NewRequestId());
  ASSERT_TRUE(client_->Commit(request).ok());
  EXPECT_EQ(network_->calls[0].commit.request_id(), request.request_id());
}

}  // namespace
}  // namespace holdfast::client
