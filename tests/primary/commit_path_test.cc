#include "primary/commit_path.h"

#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "tests/primary/commit_path_fixture.h"

namespace holdfast::primary {
namespace {

TEST_F(CommitPathTest, AnswersWithTheRevisionOfTheRecord) {
  const Answer answer = Commit(Put("k", "v"));
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(Revision(answer->revision()), Revision(0, 2));
  EXPECT_TRUE(answer->changed());
  EXPECT_FALSE(answer->repeated());
}

TEST_F(CommitPathTest, WaitingCommitsShareOneTransaction) {
  std::vector<std::shared_ptr<std::optional<Answer>>> answers;
  for (int i = 0; i < 64; ++i) answers.push_back(Send(Put(absl::StrCat("k", i), "v")));
  const int64_t syncs = store_.disk().counters().syncs;
  time_.RunFor(absl::Seconds(1));
  EXPECT_LE(store_.disk().counters().syncs - syncs, 4);
  for (size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE((*answers[i])->ok());
    EXPECT_EQ(Revision((**answers[i])->revision()), Revision(0, 2 + i));
  }
}

TEST_F(CommitPathTest, ARetryGetsTheFirstAnswerAndMakesNoRecord) {
  const v1::CommitRequest request = PutIfAbsent("k", "v");
  const Answer first = Commit(request);
  const Answer second = Commit(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->revision(), first->revision());
  EXPECT_TRUE(second->repeated());
  EXPECT_EQ(store_->appended().revision, Revision(0, 2));
}

TEST_F(CommitPathTest, ARetryInTheSameBatchIsRecognisedToo) {
  const v1::CommitRequest request = Put("k", "v");
  const auto first = Send(request);
  const auto second = Send(request);
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ((**first)->revision(), (**second)->revision());
}

TEST_F(CommitPathTest, RefusesAnIdThatWasUsedForOtherContent) {
  v1::CommitRequest request = Put("k", "v");
  ASSERT_TRUE(Commit(request).ok());
  request.mutable_mutations(0)->set_put("w");
  EXPECT_EQ(ReasonOf(Commit(request).status()), "REQUEST_ID_REUSED");
}

TEST_F(CommitPathTest, ARetryMayComeFromSomebodyElseAndSayAnotherWhy) {
  v1::CommitRequest request = Put("k", "v");
  const Answer first = Commit(request);
  request.set_author("another@elsewhere");
  request.set_message("the same once more");
  request.set_import_id("x");
  const Answer second = Commit(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->repeated());
  EXPECT_EQ(second->revision(), first->revision());
}

TEST_F(CommitPathTest, RefusesAnIdThatWasUsedUnderOtherPreconditions) {
  v1::CommitRequest request = Put("k", "v");
  ASSERT_TRUE(Commit(request).ok());
  request.add_preconditions()->set_key("other");
  request.mutable_preconditions(0)->set_absent(true);
  EXPECT_EQ(ReasonOf(Commit(request).status()), "REQUEST_ID_REUSED");
}

TEST_F(CommitPathTest, ARetryOfAnUnknownCommitWaitsForTheSameRecord) {
  replica_.hold = true;
  const v1::CommitRequest request = Put("k", "v");
  Send(request, absl::Milliseconds(100));
  time_.RunFor(absl::Seconds(1));
  const auto again = Send(request);
  time_.RunFor(absl::Milliseconds(100));
  EXPECT_FALSE(again->has_value());
  replica_.CommitAll();
  EXPECT_TRUE((**again)->repeated());
  EXPECT_EQ(Revision((**again)->revision()), Revision(0, 2));
}

TEST_F(CommitPathTest, AFullDiskDoesNotRefuseARetryOfWhatIsInTheLog) {
  replica_.hold = true;
  const v1::CommitRequest request = Put("k", "v");
  Send(request, absl::Milliseconds(100));
  time_.RunFor(absl::Seconds(1));
  store_.disk().LimitRoom(0);
  const auto again = Send(request);
  const auto other = Send(Put("big", std::string(100'000, 'v')));
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ReasonOf((*other)->status()), "DISK_FULL");
  ASSERT_FALSE(again->has_value()) << (*again)->status();
  store_.disk().LiftLimit();
  replica_.CommitAll();
  ASSERT_TRUE(again->has_value());
  ASSERT_TRUE((*again)->ok()) << (*again)->status();
  EXPECT_TRUE((**again)->repeated());
}

TEST_F(CommitPathTest, ARetryInABatchThatFailedIsNotTakenForARecord) {
  store_.disk().LimitRoom(0);
  const v1::CommitRequest request = Put("k", std::string(100'000, 'v'));
  const auto first = Send(request);
  const auto second = Send(request);
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ReasonOf((*first)->status()), "DISK_FULL");
  EXPECT_EQ(ReasonOf((*second)->status()), "DISK_FULL");
}

TEST_F(CommitPathTest, SaysWhichPreconditionFailedAndChangesNothing) {
  ASSERT_TRUE(Commit(Put("k", "v")).ok());
  v1::CommitRequest request = Put("other", "v");
  v1::Precondition& condition = *request.add_preconditions();
  condition.set_key("k");
  condition.set_mod_revision(Revision(0, 99).number());
  const Answer answer = Commit(request);
  EXPECT_EQ(ReasonOf(answer.status()), "PRECONDITION_FAILED");
  EXPECT_EQ(DetailOf(answer.status(), "found"), "revision 0.2");
  EXPECT_EQ(store_->appended().revision, Revision(0, 2));
}

TEST_F(CommitPathTest, ARangeThatChangedIsFound) {
  const Answer first = Commit(Put("dir/a", "v"));
  v1::CommitRequest request = Put("out", "v");
  v1::Precondition& condition = *request.add_preconditions();
  condition.set_key("dir/");
  condition.set_range_end("dir0");
  condition.set_range_unchanged_since(first->revision());
  ASSERT_TRUE(Commit(request).ok());
  v1::CommitRequest deletion = Put("dir/a", "");
  deletion.mutable_mutations(0)->set_delete_(true);
  ASSERT_TRUE(Commit(deletion).ok());
  request.set_request_id(NewUuid7(clock_, *random_));
  EXPECT_EQ(ReasonOf(Commit(request).status()), "PRECONDITION_FAILED");
}

TEST_F(CommitPathTest, DeletingWhatIsNotThereMakesNoRecord) {
  v1::CommitRequest request = Put("nothing", "");
  request.mutable_mutations(0)->set_delete_(true);
  const Answer answer = Commit(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(answer->changed());
  EXPECT_EQ(store_->appended().revision, Revision(0, 1));
}

TEST_F(CommitPathTest, AnswersOnlyWhenTheRecordIsCommitted) {
  replica_.hold = true;
  const auto place = Send(Put("k", "v"));
  time_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(place->has_value());
  replica_.CommitAll();
  ASSERT_TRUE(place->has_value());
  EXPECT_TRUE((*place)->ok());
}

TEST_F(CommitPathTest, ARefusalWaitsForTheStateThatItRestsOn) {
  replica_.hold = true;
  Send(Put("k", "v"));
  const v1::CommitRequest request = PutIfAbsent("k", "w");
  const auto place = Send(request);
  time_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(place->has_value());
  replica_.CommitAll();
  EXPECT_EQ(ReasonOf((*place)->status()), "PRECONDITION_FAILED");
}

TEST_F(CommitPathTest, ARefusalWhoseStateIsNotCommittedInTimeIsNotGivenOut) {
  replica_.hold = true;
  Send(Put("k", "v"));
  const v1::CommitRequest refused = PutIfAbsent("k", "w");
  v1::CommitRequest nothing = Put("no such key", "");
  nothing.mutable_mutations(0)->set_delete_(true);
  for (const v1::CommitRequest& request : {refused, nothing}) {
    const auto place = Send(request, absl::Seconds(1));
    time_.RunFor(absl::Seconds(2));
    ASSERT_TRUE(place->has_value());
    EXPECT_EQ(ReasonOf((*place)->status()), "DEADLINE");
    EXPECT_EQ(DetailOf((*place)->status(), "committed"), "no");
  }
}

TEST_F(CommitPathTest, ARefusalIsNotGivenOutOnceTheRoleIsLost) {
  replica_.hold = true;
  Send(Put("k", "v"));
  const auto place = Send(PutIfAbsent("k", "w"));
  time_.RunFor(absl::Seconds(1));
  replica_.admit = MakeError(absl::StatusCode::kFailedPrecondition, "SUSPENDED", "suspended");
  path_->OnRoleChange();
  ASSERT_TRUE(place->has_value());
  EXPECT_EQ(ReasonOf((*place)->status()), "SUSPENDED");
}

TEST_F(CommitPathTest, OutOfTimeIsUnknownNeverFailed) {
  replica_.hold = true;
  const auto place = Send(Put("k", "v"), absl::Seconds(2));
  time_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(place->has_value());
  time_.RunFor(absl::Seconds(2));
  ASSERT_TRUE(place->has_value());
  EXPECT_EQ(ReasonOf((*place)->status()), "COMMIT_UNKNOWN");
  EXPECT_EQ(DetailOf((*place)->status(), "revision"), "0.2");
  EXPECT_EQ(DetailOf((*place)->status(), "needed"), "2");
}

TEST_F(CommitPathTest, SaysWhyItCannotAdmit) {
  replica_.admit = MakeError(absl::StatusCode::kFailedPrecondition, "STANDBY", "a standby");
  EXPECT_EQ(ReasonOf(Commit(Put("k", "v")).status()), "STANDBY");
  EXPECT_EQ(store_->appended().revision, Revision(0, 1));
}

TEST_F(CommitPathTest, LosingTheRoleLeavesWhatIsInTheLogUnknown) {
  replica_.hold = true;
  const auto place = Send(Put("k", "v"));
  time_.RunFor(absl::Seconds(1));
  replica_.admit = MakeError(absl::StatusCode::kFailedPrecondition, "SUSPENDED", "suspended");
  path_->OnRoleChange();
  EXPECT_EQ(ReasonOf((*place)->status()), "COMMIT_UNKNOWN");
}

TEST_F(CommitPathTest, AFullDiskFailsTheBatchAndItRecoversByItself) {
  store_.disk().LimitRoom(0);
  const v1::CommitRequest request = Put("k", std::string(100'000, 'v'));
  EXPECT_EQ(ReasonOf(Commit(request).status()), "DISK_FULL");
  store_.disk().LiftLimit();
  const Answer answer = Commit(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_FALSE(answer->repeated());
}

TEST_F(CommitPathTest, RefusesMoreThanTheQueueHolds) {
  replica_.hold = true;
  std::vector<std::shared_ptr<std::optional<Answer>>> answers;
  for (int i = 0; i < kMaxQueuedCommits + 1; ++i) answers.push_back(Send(Put("k", absl::StrCat(i))));
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(answers.back()->has_value());
  EXPECT_EQ(ReasonOf((*answers.back())->status()), "RESOURCE_EXHAUSTED");
  EXPECT_FALSE(answers.front()->has_value());
}

TEST_F(CommitPathTest, AControlRecordAnswersWhenItIsCommitted) {
  replica_.hold = true;
  std::optional<absl::StatusOr<Revision>> answer;
  const auto make = [](storage::Store::Batch&) -> absl::StatusOr<std::optional<storage::RecordDraft>> {
    return storage::CompactDraft(Revision(0, 1));
  };
  path_->AppendControl(make, clock_.SinceBoot() + absl::Seconds(5),
                       [&](const absl::StatusOr<Revision>& revision) { answer = revision; });
  EXPECT_FALSE(answer.has_value());
  replica_.CommitAll();
  time_.RunFor(absl::Milliseconds(1));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(**answer, Revision(0, 2));
}

// Hears after the commit path what becomes visible.
class LaterObserver : public storage::StoreObserver {
 public:
  void OnAppended(absl::Span<const storage::LogRecordPtr>) override {}
  void OnVisible(const Position& visible) override { heard.push_back(visible.revision); }
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {}
  void OnReplaced(const Position&) override {}
  std::vector<Revision> heard;
};

TEST_F(CommitPathTest, WhoAppendsUponAnAnswerDoesNotDisturbTheOrderForLaterObservers) {
  LaterObserver observer;
  store_->AddObserver(&observer);
  const auto make = [](storage::Store::Batch&) -> absl::StatusOr<std::optional<storage::RecordDraft>> {
    return storage::CompactDraft(Revision(0, 1));
  };
  const absl::Duration deadline = clock_.SinceBoot() + absl::Seconds(5);
  std::optional<absl::StatusOr<Revision>> second;
  path_->AppendControl(make, deadline, [&](const absl::StatusOr<Revision>&) {
    path_->AppendControl(make, deadline,
                         [&](const absl::StatusOr<Revision>& revision) { second = revision; });
  });
  time_.RunFor(absl::Seconds(1));
  store_->RemoveObserver(&observer);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(observer.heard, (std::vector<Revision>{Revision(0, 2), Revision(0, 3)}));
}

}  // namespace
}  // namespace holdfast::primary
