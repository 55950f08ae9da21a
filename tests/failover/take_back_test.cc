// A primary whose hand-over came to nothing, and what stands in the way of its getting the role back: voters
// that are away, an operator at the same node, a full disk.
#include <vector>

#include "failover/hand_back.h"
#include "tests/failover/operations_fixture.h"

namespace holdfast::failover {
namespace {

class TakeBackTest : public OperationsTest {
 protected:
  // p has promised its role away, and its candidate and every voter are gone.
  void LoseTheCandidateAndItsSite() {
    Begin();
    Serve("a", "judge");
    Start("a");
    ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), "judge") > 0; },
                               absl::Seconds(10)));
    for (const char* id : {"a", "b", "x"}) Kill(id);
    ASSERT_EQ(node("p").role(), v1::NODE_ROLE_SUSPENDED);
  }
  std::unique_ptr<HandBack> MakeHandBack(std::function<bool(const v1::EpochPromise&)> take_back) {
    HandBack::Options options;
    options.store = &node("p").store();
    options.replica = &node("p").replica();
    options.transport = &node("p").transport();
    options.strand = &node("p").strand();
    options.clock = node("p").clock();
    options.take_back = std::move(take_back);
    return std::make_unique<HandBack>(std::move(options));
  }
};

TEST_F(TakeBackTest, AttemptsThatComeToNothingBecomeRarer) {
  LoseTheCandidateAndItsSite();
  operations_.erase("p");
  node("p").on_change = nullptr;
  std::vector<absl::Duration> attempts;
  const std::unique_ptr<HandBack> hand_back = MakeHandBack([&](const v1::EpochPromise&) {
    attempts.push_back(time_.now());
    return true;
  });
  node("p").strand().Post([&] { hand_back->Look(); });
  time_.RunFor(absl::Minutes(1));
  ASSERT_GE(attempts.size(), 6u);
  EXPECT_LE(attempts.size(), 10u);
  EXPECT_LT(attempts[1] - attempts[0], absl::Seconds(2));
  // It comes up every second or two; so long at most when everybody is back.
  for (size_t i = 6; i < attempts.size(); ++i) {
    EXPECT_GE(attempts[i] - attempts[i - 1], absl::Seconds(9));
    EXPECT_LE(attempts[i] - attempts[i - 1], absl::Seconds(12));
  }
}

// It could not look because somebody else does: that says nothing of the voters.
TEST_F(TakeBackTest, AnAttemptThatCouldNotLookIsMadeAgainSoon) {
  LoseTheCandidateAndItsSite();
  operations_.erase("p");
  node("p").on_change = nullptr;
  int attempts = 0;
  const std::unique_ptr<HandBack> hand_back = MakeHandBack([&](const v1::EpochPromise&) {
    ++attempts;
    return false;
  });
  node("p").strand().Post([&] { hand_back->Look(); });
  time_.RunFor(absl::Minutes(1));
  EXPECT_GE(attempts, 30);
}

TEST_F(TakeBackTest, AnOperatorNeverWaitsForATakeBackThatCannotSucceed) {
  LoseTheCandidateAndItsSite();
  v1::PlanOperationRequest request;
  request.set_kind(v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  request.mutable_overrides()->set_accept_unknown_loss(true);
  v1::Plan plan;
  for (int i = 0; i < 100; ++i) {
    SCOPED_TRACE(i);
    time_.RunFor(absl::Milliseconds(83) * (i % 20));
    std::optional<absl::Status> planned;
    node("p").strand().Post([&] {
      operations_["p"]->Plan(request, [&](const absl::StatusOr<v1::PlanOperationResponse>& answer) {
        planned = answer.status();
        if (answer.ok()) plan = answer->plan();
      });
    });
    ASSERT_TRUE(time_.RunUntil([&] { return planned.has_value(); }, absl::Seconds(5)));
    ASSERT_TRUE(planned->ok()) << *planned;
  }
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  EXPECT_EQ(Newest("p").operation_id(), "") << "no attempt of the take-back has begun anything";
  ASSERT_EQ(Confirm("p", plan), absl::OkStatus());
  EXPECT_EQ(Newest("p").operator_name(), "kim");
}

// What is resumed while the round of questions of a take-back is under way goes on.
TEST_F(TakeBackTest, ATakeBackDoesNotEndAnOperationThatWasResumedMeanwhile) {
  // Towards the end of the round, at a different moment each time; a does not answer, so it takes a while.
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE(round);
    BeginAnew();
    Serve("a", "judge");
    Serve("p", "judge");  // of its take-back
    Start("a");
    ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), "judge") > 1; },
                               absl::Seconds(30)));
    Kill("a");
    Kill("p");
    network_.Cut("p", "a");
    node("p").Start();
    Serve("p");
    ASSERT_TRUE(Newest("p").takes_back());
    const std::string interrupted = Newest("p").operation_id();
    ASSERT_TRUE(
        time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_SUSPENDED; }, absl::Seconds(10)));
    time_.RunFor(absl::Milliseconds(700 + 20 * round));
    v1::ResumeOperationRequest resume;
    resume.set_operation_id(interrupted);
    if (const auto resumed = operations_["p"]->Resume(resume); !resumed.ok()) {
      EXPECT_EQ(ReasonOf(resumed.status()), "OPERATION_RUNNING") << resumed.status();
      continue;  // the take-back has begun
    }
    ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "p"; }, absl::Seconds(30)));
    EXPECT_EQ(Newest("p").operation_id(), interrupted) << "no other one was begun";
    EXPECT_EQ(End("p").state(), v1::OPERATION_STATE_DONE) << Newest("p").DebugString();
  }
}

// Its disk is full when it is to follow; it is looked at again and again meanwhile.
TEST_F(TakeBackTest, ARoleThatIsLookedAtWhileItCannotFollowBeginsNothingAnew) {
  Begin();
  operations_.erase("p");
  node("p").on_change = nullptr;
  Start("a");
  ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "a"; }, absl::Seconds(10)));
  storage::DiskFault full;
  full.operations = {storage::DiskOperation::kWrite};
  full.fail_count = storage::DiskFault::kForever;
  full.error = storage::DiskResult::kNoSpace;
  node("p").disk().AddFault(full);
  const std::unique_ptr<HandBack> hand_back = MakeHandBack([](const v1::EpochPromise&) { return true; });
  const int64_t before = node("p").disk().counters().writes;
  node("p").strand().Post([&] { hand_back->Look(); });
  time_.RunFor(absl::Milliseconds(100));
  const int64_t tried = node("p").disk().counters().writes;
  ASSERT_GT(tried, before);
  for (int i = 0; i < 20; ++i) {
    node("p").strand().Post([&] { hand_back->Look(); });
    time_.RunFor(absl::Milliseconds(20));
  }
  EXPECT_EQ(node("p").disk().counters().writes, tried) << "the next attempt is due a second after the first";
  node("p").disk().ClearFaults();
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_STANDBY; }, absl::Seconds(3)));
}

}  // namespace
}  // namespace holdfast::failover
