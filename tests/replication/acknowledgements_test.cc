#include "replication/acknowledgements.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::replication {
namespace {

const VoterId kA{"a", "1"};
const VoterId kB{"b", "1"};
const VoterId kC{"c", "1"};
const VoterId kX{"x", "1"};

Rule RuleOf(std::vector<VoterId> voters, uint32_t quorum) { return {std::move(voters), quorum}; }

TEST(AcknowledgementsTest, CommitsWhatAQuorumHolds) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB, kC}, 2), {}}};
  Acknowledgements acks(0);
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 1));
  acks.Acknowledge(kA, 0, Revision(0, 9));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 1));
  acks.Acknowledge(kB, 0, Revision(0, 5));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 5));
  acks.Acknowledge(kC, 0, Revision(0, 7));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 7));
}

TEST(AcknowledgementsTest, NeitherLateNorRepeatedAcknowledgementsTakeAnythingBack) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA}, 1), {}}};
  Acknowledgements acks(0);
  acks.Acknowledge(kA, 0, Revision(0, 6));
  acks.Acknowledge(kA, 0, Revision(0, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 6));
  EXPECT_EQ(acks.Committed(Revision(0, 8), Revision(0, 9), rules), Revision(0, 8));
}

TEST(AcknowledgementsTest, CountsOnlyTheAdmittedIncarnationOfAVoter) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB}, 1), {}}};
  Acknowledgements acks(0);
  acks.Acknowledge({"a", "2"}, 0, Revision(0, 9));
  acks.Acknowledge(kX, 0, Revision(0, 9));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 1));
  EXPECT_EQ(acks.Holders(rules[0].rule, Revision(0, 9)), 0u);
}

TEST(AcknowledgementsTest, CountsNoAcknowledgementOfAnotherEpoch) {
  const std::vector<RuleRecord> rules = {{Revision(1, 2), RuleOf({kA}, 1), {}}};
  Acknowledgements acks(1);
  acks.Acknowledge(kA, 0, Revision(1, 3));
  acks.Acknowledge(kA, 2, Revision(1, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 3), rules), Revision(0, 1));
}

// F12, Raft's figure 8: a majority that holds (0,2) proves nothing, because (1,2) elsewhere outranks it.
TEST(AcknowledgementsTest, CommitsNoRecordOfAnOlderEpochByCounting) {
  const Rule rule = RuleOf({kA, kB, kX}, 2);
  const std::vector<RuleRecord> rules = {{Revision(0, 1), rule, {}}, {Revision(2, 3), rule, {}}};
  Acknowledgements acks(2);
  acks.Acknowledge(kA, 2, Revision(0, 2));
  acks.Acknowledge(kB, 2, Revision(0, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(2, 3), rules), Revision(0, 1));
  acks.Acknowledge(kA, 2, Revision(2, 3));
  acks.Acknowledge(kB, 2, Revision(2, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(2, 3), rules), Revision(2, 3));
}

// F10: A has EPOCH (1,2) to {B,x}; judged by the old {A,B}, A alone would commit (1,3), which only A has.
TEST(AcknowledgementsTest, JudgesARecordByTheRuleAtItsIndex) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB}, 1), {}},
                                         {Revision(1, 2), RuleOf({kB, kX}, 1), {}}};
  Acknowledgements acks(1);
  acks.Acknowledge(kA, 1, Revision(1, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 3), rules), Revision(0, 1));
  acks.Acknowledge(kX, 1, Revision(1, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 3), rules), Revision(1, 2));
}

TEST(AcknowledgementsTest, AChangeOfVotersNeedsTheOldAndTheNewRule) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB}, 1), {}},
                                         {Revision(0, 4), RuleOf({kX}, 1), {}}};
  Acknowledgements old_only(0);
  old_only.Acknowledge(kA, 0, Revision(0, 6));
  EXPECT_EQ(old_only.Committed(Revision(0, 1), Revision(0, 6), rules), Revision(0, 3));
  Acknowledgements new_only(0);
  new_only.Acknowledge(kX, 0, Revision(0, 6));
  EXPECT_EQ(new_only.Committed(Revision(0, 1), Revision(0, 6), rules), Revision(0, 1));
  new_only.Acknowledge(kA, 0, Revision(0, 4));
  EXPECT_EQ(new_only.Committed(Revision(0, 1), Revision(0, 6), rules), Revision(0, 6));
}

TEST(AcknowledgementsTest, ChangesAfterOneAnotherEachNeedTheirOwnTwoRules) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA}, 1), {}},
                                         {Revision(0, 2), RuleOf({kB}, 1), {}},
                                         {Revision(0, 3), RuleOf({kC}, 1), {}}};
  Acknowledgements acks(0);
  acks.Acknowledge(kA, 0, Revision(0, 5));
  acks.Acknowledge(kC, 0, Revision(0, 5));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 5), rules), Revision(0, 1));
  acks.Acknowledge(kB, 0, Revision(0, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 5), rules), Revision(0, 2));
  acks.Acknowledge(kB, 0, Revision(0, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 5), rules), Revision(0, 5));
}

TEST(AcknowledgementsTest, LocalCommitsAtOnceButBeginsOnlyWithTheOldRule) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA}, 1), {}},
                                         {Revision(0, 3), RuleOf({}, 0), {}}};
  Acknowledgements acks(0);
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 1));
  acks.Acknowledge(kA, 0, Revision(0, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(0, 9), rules), Revision(0, 9));
}

TEST(AcknowledgementsTest, ANewClusterWithoutVotersCommitsAlone) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({}, 0), {}}};
  Acknowledgements acks(0);
  EXPECT_EQ(acks.Committed(Revision(), Revision(0, 1), rules), Revision(0, 1));
}

TEST(AcknowledgementsTest, ANewClusterIsCommittedByItsOwnRule) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB, kX}, 2), {}}};
  Acknowledgements acks(0);
  acks.Acknowledge(kA, 0, Revision(0, 1));
  EXPECT_EQ(acks.Committed(Revision(), Revision(0, 1), rules), Revision());
  acks.Acknowledge(kX, 0, Revision(0, 1));
  EXPECT_EQ(acks.Committed(Revision(), Revision(0, 1), rules), Revision(0, 1));
}

// F15: the promoted node was a voter of the rule before; it holds its own record and counts there, but not in
// its own rule.
TEST(AcknowledgementsTest, ThePrimaryCountsWhereAnEarlierRuleNamesIt) {
  const std::vector<RuleRecord> rules = {{Revision(0, 1), RuleOf({kA, kB}, 2), {}},
                                         {Revision(1, 2), RuleOf({kB, kX}, 1), {}}};
  Acknowledgements acks(1);
  acks.Acknowledge(kA, 1, Revision(1, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 2), rules), Revision(0, 1));
  acks.Acknowledge(kB, 1, Revision(1, 2));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 2), rules), Revision(1, 2));
}

// R20: a break-glass epoch is committed under its own rule alone; the rules that it waives are not asked.
TEST(AcknowledgementsTest, ABreakGlassEpochNeedsItsOwnRuleAlone) {
  const Rule lost = RuleOf({kA, kB}, 2);
  const Rule pending = RuleOf({kB, kC}, 2);
  const std::vector<RuleRecord> rules = {{Revision(0, 1), lost, {}},
                                         {Revision(0, 3), pending, {}},
                                         {Revision(1, 4), RuleOf({kX}, 1), {lost, pending}}};
  Acknowledgements acks(1);
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 5), rules), Revision(0, 1));
  acks.Acknowledge(kX, 1, Revision(1, 5));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 5), rules), Revision(1, 5));
}

// What it does not name must hold it: a promotion that is proven under that rule could miss it otherwise.
TEST(AcknowledgementsTest, ABreakGlassEpochDoesWithoutTheRulesThatItNamesAndNoOther) {
  const Rule lost = RuleOf({kA, kB}, 2);
  const Rule pending = RuleOf({kC}, 1);
  const std::vector<RuleRecord> rules = {
      {Revision(0, 1), lost, {}}, {Revision(0, 3), pending, {}}, {Revision(1, 4), RuleOf({kX}, 1), {lost}}};
  Acknowledgements acks(1);
  acks.Acknowledge(kX, 1, Revision(1, 5));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 5), rules), Revision(0, 1));
  acks.Acknowledge(kC, 1, Revision(1, 4));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(1, 5), rules), Revision(1, 5));
}

TEST(AcknowledgementsTest, AnEarlierBreakGlassEpochWaivesNothingForLaterOnes) {
  const Rule lost = RuleOf({kA, kB}, 2);
  const std::vector<RuleRecord> rules = {{Revision(0, 1), lost, {}},
                                         {Revision(1, 2), RuleOf({kX}, 1), {lost}},
                                         {Revision(2, 3), RuleOf({kC}, 1), {}}};
  Acknowledgements acks(2);
  acks.Acknowledge(kC, 2, Revision(2, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(2, 3), rules), Revision(0, 1));
  acks.Acknowledge(kX, 2, Revision(2, 3));
  EXPECT_EQ(acks.Committed(Revision(0, 1), Revision(2, 3), rules), Revision(2, 3));
}

}  // namespace
}  // namespace holdfast::replication
