#include "replication/resume.h"

#include <gtest/gtest.h>

#include "storage/record_codec.h"
#include "tests/replication/histories.h"

namespace holdfast::replication {
namespace {

const TestLog& Log() {
  static const TestLog* const log = new TestLog(TestLog().Add(0, 9));
  return *log;
}

Resume::Options Former(std::vector<std::string> voters, uint32_t quorum) {
  Resume::Options options;
  options.node_id = "p";
  options.appended = Log().Index(6);
  Rule rule;
  for (std::string& voter : voters) rule.voters.push_back({std::move(voter), "1"});
  rule.quorum = quorum;
  options.rules = {rule};
  return options;
}

v1::PromiseResponse Answer(const std::string& node, const Position& appended, uint64_t promised = 0) {
  v1::PromiseResponse answer;
  answer.set_node_id(node);
  answer.set_incarnation("1");
  answer.mutable_promise()->set_epoch(promised);
  *answer.mutable_appended() = storage::ToProto(appended);
  return answer;
}

TEST(ResumeTest, WaitsForEnoughVotersToMeetEveryPromiseQuorum) {
  Resume resume(Former({"a", "b", "x"}, 2));
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
  resume.OnAnswer(Answer("a", Log().Index(6)));
  resume.OnAnswer(Answer("a", Log().Index(6)));
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
  EXPECT_EQ(resume.explanation(), "2 of the 3 voters to answer");
  resume.OnAnswer(Answer("x", Log().Index(4)));
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

TEST(ResumeTest, AWipedVoterDoesNotCount) {
  Resume resume(Former({"a"}, 1));
  v1::PromiseResponse wiped = Answer("a", Position());
  wiped.set_incarnation("2");
  resume.OnAnswer(wiped);
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
}

TEST(ResumeTest, AHigherPromiseSuspendsWhateverTheOthersSay) {
  Resume resume(Former({"a", "b", "x"}, 2));
  resume.OnAnswer(Answer("a", Log().Index(6), 1));
  resume.OnAnswer(Answer("b", Log().Index(6)));
  resume.OnAnswer(Answer("x", Log().Index(6)));
  EXPECT_EQ(resume.verdict(), Resume::kSuspended);
  EXPECT_EQ(resume.highest_epoch(), 1u);
}

TEST(ResumeTest, ARecordOfAHigherEpochFences) {
  Resume resume(Former({"a", "b"}, 1));
  resume.OnAnswer(Answer("a", TestLog().Add(0, 6).Add(1, 1).End(), 1));
  resume.OnAnswer(Answer("b", Log().Index(6), 1));
  EXPECT_EQ(resume.verdict(), Resume::kFenced);
}

// R8, R18: somebody holds (0,7) of this node's own epoch; writing (0,7) again would fork it.
TEST(ResumeTest, MoreOfItsOwnEpochElsewhereSuspends) {
  Resume resume(Former({"a"}, 1));
  resume.OnAnswer(Answer("a", Log().Index(7)));
  EXPECT_EQ(resume.verdict(), Resume::kSuspended);
  EXPECT_NE(resume.explanation().find("lost its end"), std::string::npos);
}

TEST(ResumeTest, AnotherRecordAtItsOwnPositionSuspends) {
  Resume resume(Former({"a"}, 1));
  resume.OnAnswer(Answer("a", TestLog().Add(0, 6, "other").End()));
  EXPECT_EQ(resume.verdict(), Resume::kSuspended);
}

// F6: with q = 0 the literal count would be |V|+1.
TEST(ResumeTest, WithLocalItAsksEveryServerAndNeedsOne) {
  Resume::Options options = Former({"a", "b"}, 0);
  options.other_servers = {{"a", "1"}, {"b", "1"}, {"s", "1"}};
  Resume resume(options);
  EXPECT_EQ(resume.whom().size(), 3u);
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
  resume.OnAnswer(Answer("s", Log().Index(2)));
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

// It may have promised a higher epoch before: what it says now is worth nothing.
TEST(ResumeTest, WithLocalAWipedServerDoesNotCountUntilItFollowsThisEpochAgain) {
  Resume::Options options = Former({}, 0);
  options.other_servers = {{"s", "1"}};
  options.proxies = {"x"};
  Resume resume(options);
  v1::PromiseResponse wiped = Answer("s", Position());
  wiped.set_incarnation("2");
  resume.OnAnswer(wiped);
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
  EXPECT_NE(resume.explanation(), "nothing");
  wiped = Answer("s", Log().Index(2));
  wiped.set_incarnation("2");
  resume.OnAnswer(wiped);
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

TEST(ResumeTest, WithLocalEverybodysAnswerIsEnoughAlsoWhereNobodyKeptAnything) {
  Resume::Options options = Former({}, 0);
  options.other_servers = {{"s", "1"}};
  options.proxies = {"x"};
  Resume resume(options);
  for (const char* const node : {"s", "x"}) {
    EXPECT_EQ(resume.verdict(), Resume::kWaiting);
    v1::PromiseResponse wiped = Answer(node, Position());
    wiped.set_incarnation("2");
    resume.OnAnswer(wiped);
  }
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

// The log that the wiped one needs comes from the primary that waits: a proxy that has followed it breaks the
// tie.
TEST(ResumeTest, WithLocalAProxyVouchesForThisEpochBesideAWipedServer) {
  Resume::Options options = Former({}, 0);
  options.other_servers = {{"s", "1"}};
  options.proxies = {"x"};
  Resume resume(options);
  EXPECT_EQ(resume.whom().size(), 2u);
  resume.OnAnswer(Answer("x", Log().Index(3)));
  EXPECT_EQ(resume.verdict(), Resume::kWaiting) << "no server has answered";
  v1::PromiseResponse wiped = Answer("s", Position());
  wiped.set_incarnation("2");
  resume.OnAnswer(wiped);
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

TEST(ResumeTest, TheOnlyServerAsksNobody) { EXPECT_EQ(Resume(Former({}, 0)).verdict(), Resume::kReady); }

TEST(ResumeTest, EveryRuleThatMayBeInForceIsAsked) {
  Resume::Options options = Former({"a"}, 1);
  options.rules.push_back({{{"b", "1"}}, 1});
  Resume resume(options);
  resume.OnAnswer(Answer("b", Log().Index(6)));
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
  resume.OnAnswer(Answer("a", Log().Index(6)));
  EXPECT_EQ(resume.verdict(), Resume::kReady);
}

TEST(ResumeTest, IgnoresWhoWasNotAsked) {
  Resume resume(Former({"a"}, 1));
  resume.OnAnswer(Answer("z", TestLog().Add(0, 6).Add(1, 1).End(), 1));
  EXPECT_EQ(resume.verdict(), Resume::kWaiting);
}

}  // namespace
}  // namespace holdfast::replication
