// A retry of a request whose record is compacted: its id alone must tell.
#include "base/error.h"
#include "base/limits.h"
#include "tests/primary/commit_path_fixture.h"

namespace holdfast::primary {
namespace {

// The log keeps one record; everything before it is forgotten.
class ForgottenRequestTest : public CommitPathTest {
 protected:
  v1::CommitRequest PutMade(absl::Duration ahead, const std::string& value) {
    v1::CommitRequest request = Put("k", value);
    testing::VirtualClock::Options options;
    options.wall_origin = clock_.Now() + ahead - time_.now();
    testing::VirtualClock client(&time_, options);
    request.set_request_id(NewUuid7(client, *random_));
    return request;
  }
  void Forget() {
    const Revision last = store_->appended().revision;
    store_.Show(store_.Append(storage::CompactDraft(last)));
    store_.MaintainFully();
  }
};

TEST_F(ForgottenRequestTest, ARetryIsNeverCommittedAgainHoweverFarAheadItsClockWas) {
  const v1::CommitRequest ahead = PutMade(absl::Minutes(50), "v");
  ASSERT_TRUE(Commit(ahead).ok());
  Forget();
  const Answer again = Commit(ahead);
  EXPECT_EQ(ReasonOf(again.status()), "OUTCOME_UNKNOWABLE");
  EXPECT_EQ(store_->appended().revision, Revision(0, 3));
}

TEST_F(ForgottenRequestTest, ARetryIsNeverCommittedAgainWhenThePrimarysClockWasBehind) {
  store_.clock().Advance(-absl::Minutes(30));
  const v1::CommitRequest request = Put("k", "v");
  ASSERT_TRUE(Commit(request).ok());
  Forget();
  EXPECT_EQ(ReasonOf(Commit(request).status()), "OUTCOME_UNKNOWABLE");
}

TEST_F(ForgottenRequestTest, ARetryIsAnsweredAsLongAsItsRecordIsThereAlsoBelowTheFloor) {
  const v1::CommitRequest request = Put("k", "v");
  ASSERT_TRUE(Commit(request).ok());
  store_.Show(store_.Append(storage::CompactDraft(store_->appended().revision)));
  const Answer again = Commit(request);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->repeated());
}

TEST_F(ForgottenRequestTest, FreshIdsAreAdmittedRightAfterACompaction) {
  ASSERT_TRUE(Commit(Put("k", "v")).ok());
  Forget();
  time_.RunFor(absl::Milliseconds(1));
  EXPECT_TRUE(Commit(Put("k", "w")).ok());
}

TEST_F(ForgottenRequestTest, AClientBehindTheHighestForgottenIdIsAdmittedOnceTimeHasCaughtUp) {
  ASSERT_TRUE(Commit(PutMade(absl::Minutes(10), "v")).ok());
  Forget();
  EXPECT_EQ(ReasonOf(Commit(Put("k", "w")).status()), "OUTCOME_UNKNOWABLE");
  time_.RunFor(absl::Minutes(11));
  EXPECT_TRUE(Commit(Put("k", "w")).ok());
}

TEST_F(ForgottenRequestTest, AnIdFromTooFarAheadIsRefusedAndChangesNothing) {
  const Answer answer = Commit(PutMade(kMaxRequestIdLead + absl::Minutes(1), "v"));
  EXPECT_EQ(ReasonOf(answer.status()), "REQUEST_ID_AHEAD");
  EXPECT_EQ(DetailOf(answer.status(), "lead_seconds"), "3660");
  EXPECT_EQ(store_->appended().revision, Revision(0, 1));
}

TEST_F(ForgottenRequestTest, APrimaryWhoseClockWentBackMeasuresByTheLog) {
  ASSERT_TRUE(Commit(Put("k", "v")).ok());
  const v1::CommitRequest request = Put("k", "w");
  store_.clock().Advance(-absl::Hours(5));
  EXPECT_TRUE(Commit(request).ok());
}

}  // namespace
}  // namespace holdfast::primary
