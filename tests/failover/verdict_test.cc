#include "failover/verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using replication::Rule;
using replication::RuleRecord;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Position At(uint64_t epoch, uint64_t index) {
  Position position;
  position.revision = Revision(epoch, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(index);
  position.chain_hash.bytes[1] = static_cast<uint8_t>(epoch);
  return position;
}

Rule Of(const std::vector<std::string>& voters, uint32_t quorum) {
  Rule rule;
  for (const std::string& voter : voters) rule.voters.push_back({voter, voter + "-1"});
  rule.quorum = quorum;
  return rule;
}

v1::PromiseResponse Says(const std::string& node_id, const Position& appended,
                         const Position& committed = Position(), const std::string& incarnation = "") {
  v1::PromiseResponse said;
  said.set_node_id(node_id);
  said.set_incarnation(incarnation.empty() ? node_id + "-1" : incarnation);
  *said.mutable_appended() = storage::ToProto(appended);
  *said.mutable_committed() = storage::ToProto(committed);
  return said;
}

// Every record of the log of `At`.
bool IsOfThisLog(const Position& position) {
  return position == At(position.revision.epoch(), position.revision.index());
}

// The pair and one proxy vote, two of three; the candidate is `a`.
class VerdictTest : public ::testing::Test {
 protected:
  CandidateLog a_{{"a", "a-1"}, At(0, 10), IsOfThisLog, {{Revision(0, 1), Of({"a", "b", "x"}, 2), {}}}};
};

TEST_F(VerdictTest, TwoOfThreePromisesProveThatNothingIsLost) {
  const v1::Verdict verdict = Judge(a_, {Says("a", At(0, 10)), Says("x", At(0, 9))}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_PROVEN);
  ASSERT_EQ(verdict.rules_size(), 1);
  EXPECT_EQ(verdict.rules(0).needed(), 2u);
  EXPECT_THAT(verdict.rules(0).promised(), ElementsAre("a", "x"));
  ASSERT_EQ(verdict.rules(0).missing_size(), 1);
  EXPECT_EQ(verdict.rules(0).missing(0).node_id(), "b");
  EXPECT_EQ(verdict.chosen_from(), "a");
  EXPECT_THAT(verdict.says(), HasSubstr("0 of the commits acknowledged as replicated in epoch 0"));
}

TEST_F(VerdictTest, OneOfThreeProvesNothing) {
  const v1::Verdict verdict = Judge(a_, {Says("a", At(0, 10))}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_THAT(verdict.says(), HasSubstr("only 1 of the 2 promises"));
}

// F9: a wiped voter is another incarnation.
TEST_F(VerdictTest, AVoterThatLostItsDataCountsForNothing) {
  const v1::Verdict verdict = Judge(a_, {Says("a", At(0, 10)), Says("x", At(0, 10), {}, "x-2")}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  ASSERT_EQ(verdict.rules(0).missing_size(), 2);
  EXPECT_THAT(verdict.rules(0).missing(1).why(), HasSubstr("incarnation"));
}

TEST_F(VerdictTest, WhoCannotPromiseCountsForNothing) {
  std::vector<v1::PromiseResponse> words = {Says("a", At(0, 10)), Says("b", At(0, 12))};
  words[1].set_cannot_promise("it has stopped serving");
  const v1::Verdict verdict = Judge(a_, words, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_THAT(verdict.rules(0).missing(0).why(), HasSubstr("cannot promise: it has stopped serving"));
  EXPECT_EQ(verdict.chosen_from(), "a") << "nor can its records be had";
}

// R14, R20: what is committed on another branch settles nothing here, and is said.
TEST_F(VerdictTest, ACommitOfAnotherBranchSettlesNothingAndIsNamed) {
  a_.rules = {{Revision(0, 1), Of({"a", "b", "x"}, 2), {}}, {Revision(0, 8), Of({"x", "y"}, 1), {}}};
  Position other = At(0, 9);
  other.chain_hash.bytes[5] = 1;
  const v1::Verdict verdict =
      Judge(a_, {Says("a", At(0, 10)), Says("x", At(0, 9), other), Says("y", At(0, 9))}, At(0, 10));
  EXPECT_EQ(verdict.rules_size(), 2) << "the older rule is still open";
  EXPECT_THAT(verdict.other_branch(), ElementsAre("x"));
}

// F15: the candidate counts itself only as a member.
TEST_F(VerdictTest, ACandidateThatIsNoVoterDoesNotCountItself) {
  a_.rules = {{Revision(0, 1), Of({"b", "x"}, 1), {}}};
  EXPECT_EQ(Judge(a_, {Says("a", At(0, 10)), Says("x", At(0, 10))}, At(0, 10)).kind(),
            v1::VERDICT_KIND_UNKNOWN);
  EXPECT_EQ(Judge(a_, {Says("a", At(0, 10)), Says("b", At(0, 10)), Says("x", At(0, 10))}, At(0, 10)).kind(),
            v1::VERDICT_KIND_PROVEN);
}

// F1: with q above half, |V| - q + 1 promises would not make the epoch unique.
TEST_F(VerdictTest, AllOfAPairAreNeededWithQuorumTwo) {
  a_.rules = {{Revision(0, 1), Of({"a", "b"}, 2), {}}};
  EXPECT_EQ(Judge(a_, {Says("a", At(0, 10))}, At(0, 10)).kind(), v1::VERDICT_KIND_UNKNOWN);
}

// F11: the rule known committed, and every later one.
TEST_F(VerdictTest, EveryRuleFromTheKnownCommittedOneOnMustBeMet) {
  a_.rules = {{Revision(0, 1), Of({"a", "b", "x"}, 2), {}}, {Revision(0, 8), Of({"y", "z"}, 1), {}}};
  std::vector<v1::PromiseResponse> words = {Says("a", At(0, 10), At(0, 5)), Says("b", At(0, 10), At(0, 5))};
  v1::Verdict verdict = Judge(a_, words, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_EQ(verdict.rules_size(), 2);
  words.push_back(Says("y", At(0, 10)));
  words.push_back(Says("z", At(0, 10), At(0, 8)));  // it knows the change committed: the old rule is history
  verdict = Judge(a_, words, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_EQ(verdict.rules_size(), 1);
}

TEST_F(VerdictTest, ALocalSpellIsUnknownUntilALaterRecordHasEndedIt) {
  a_.rules.push_back({Revision(0, 6), Of({"a", "b", "x"}, 0), {}});
  const std::vector<v1::PromiseResponse> words = {Says("a", At(0, 10)), Says("b", At(0, 10)),
                                                  Says("x", At(0, 10))};
  v1::Verdict verdict = Judge(a_, words, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_THAT(verdict.says(), HasSubstr("local spell"));
  a_.rules.push_back({Revision(0, 8), Of({"a", "b", "x"}, 2), {}});
  verdict = Judge(a_, words, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_PROVEN);
  EXPECT_TRUE(verdict.rules(1).ended_local());
}

// F13: by revision, not by length.
TEST_F(VerdictTest, TheHighestLogIsChosenByRevision) {
  const std::vector<v1::PromiseResponse> words = {Says("a", At(0, 10)), Says("b", At(1, 4)),
                                                  Says("x", At(0, 12))};
  const v1::Verdict verdict = Judge(a_, words, At(1, 4));
  EXPECT_EQ(verdict.chosen_from(), "b");
  EXPECT_EQ(Revision(verdict.chosen().revision()), Revision(1, 4));
}

TEST_F(VerdictTest, RecordsThatCannotBeHadAreCounted) {
  const v1::Verdict verdict = Judge(a_, {Says("a", At(0, 10)), Says("x", At(0, 13))}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_BOUNDED);
  EXPECT_EQ(verdict.lost_at_most(), 3);
}

TEST_F(VerdictTest, AcrossEpochsNobodyKnowsHowManyRecordsAreMissing) {
  const v1::Verdict verdict = Judge(a_, {Says("a", At(0, 10)), Says("x", At(1, 4))}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_THAT(verdict.says(), HasSubstr("cannot be had"));
}

TEST_F(VerdictTest, TheNewRuleReplacesTheCandidateByAProxyThatHoldsTheLog) {
  const std::vector<NewVoter> promised = {{"a", "a-1", "dc2", false, At(0, 10)},
                                          {"b", "b-1", "dc2", false, At(0, 8)},
                                          {"x", "x-1", "dc2", true, At(0, 10)},
                                          {"y", "y-1", "dc2", true, At(0, 9)},
                                          {"z", "z-1", "dc2", true, At(0, 10)}};
  const v1::DurabilityRule rule = RuleForNewEpoch(a_, "dc2", false, promised, At(0, 10));
  std::vector<std::string> ids;
  for (const v1::Voter& voter : rule.voters()) ids.push_back(voter.node_id());
  EXPECT_THAT(ids, ElementsAre("b", "x", "z")) << "y lacks a record (R21)";
  EXPECT_EQ(rule.quorum(), 2u);
}

TEST_F(VerdictTest, TheNewRuleNeverAsksForMoreThanThereAre) {
  const v1::DurabilityRule rule = RuleForNewEpoch(
      a_, "dc2", false, {{"a", "a-1", "dc2", false, At(0, 10)}, {"x", "x-1", "dc2", true, At(0, 10)}},
      At(0, 10));
  EXPECT_EQ(rule.voters_size(), 1);
  EXPECT_EQ(rule.quorum(), 1u);
  EXPECT_THAT(RuleForNewEpoch(a_, "dc2", false, {}, At(0, 10)).voters(), IsEmpty());
}

// R19: a spell belongs to the epoch that ends; who takes over goes back to the rule before it.
TEST_F(VerdictTest, DuringASpellNothingIsProvenAndTheNewRuleIsTheOneBeforeIt) {
  a_.rules.push_back({Revision(0, 5), Of({"a", "b", "x"}, 0), {}});
  a_.former = Of({"a", "b", "x"}, 2);
  const v1::Verdict verdict =
      Judge(a_, {Says("a", At(0, 10), At(0, 10)), Says("b", At(0, 10)), Says("x", At(0, 10))}, At(0, 10));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_THAT(verdict.says(), HasSubstr("local spell"));
  const v1::DurabilityRule rule = RuleForNewEpoch(a_, "dc2", false,
                                                  {{"a", "a-1", "dc2", false, At(0, 10)},
                                                   {"b", "b-1", "dc2", false, At(0, 10)},
                                                   {"x", "x-1", "dc2", true, At(0, 10)}},
                                                  At(0, 10));
  EXPECT_EQ(rule.quorum(), 2u);
}

// R5: before its end is known committed, and after.
TEST_F(VerdictTest, ASpellThatALaterRecordHasEndedIsProvenAgain) {
  a_.rules.push_back({Revision(0, 5), Of({"a", "b", "x"}, 0), {}});
  a_.rules.push_back({Revision(0, 8), Of({"a", "b", "x"}, 2), {}});
  for (const uint64_t known : {6, 9}) {
    const v1::Verdict verdict =
        Judge(a_, {Says("a", At(0, 10), At(0, known)), Says("x", At(0, 9))}, At(0, 10));
    EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_PROVEN) << known;
  }
  const v1::Verdict one = Judge(a_, {Says("a", At(0, 10), At(0, 6))}, At(0, 10));
  EXPECT_EQ(one.kind(), v1::VERDICT_KIND_UNKNOWN) << "its end was confirmed by two of three";
}

// After a planned hand-over the voters are where the primary is not.
TEST_F(VerdictTest, AcrossSitesTheOtherOneVotesServersFirst) {
  const std::vector<NewVoter> promised = {{"a", "a-1", "dc2", false, At(0, 10)},
                                          {"b", "b-1", "dc2", false, At(0, 10)},
                                          {"x", "x-1", "dc2", true, At(0, 10)},
                                          {"p", "p-1", "dc1", false, At(0, 10)},
                                          {"y", "y-1", "dc1", true, At(0, 10)}};
  const v1::DurabilityRule rule = RuleForNewEpoch(a_, "dc2", true, promised, At(0, 10));
  std::vector<std::string> ids;
  for (const v1::Voter& voter : rule.voters()) ids.push_back(voter.node_id());
  EXPECT_THAT(ids, ElementsAre("b", "p", "y"));
}

}  // namespace
}  // namespace holdfast::failover
