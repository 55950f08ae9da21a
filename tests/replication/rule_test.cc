#include "replication/rule.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::replication {
namespace {

v1::DurabilityRule Proto(int voters, uint32_t quorum) {
  v1::DurabilityRule proto;
  for (int i = 0; i < voters; ++i) {
    v1::Voter* voter = proto.add_voters();
    voter->set_node_id(absl::StrCat("n", voters - i));
    voter->set_incarnation("1");
  }
  proto.set_quorum(quorum);
  return proto;
}

Rule Make(int voters, uint32_t quorum) { return *Rule::FromProto(Proto(voters, quorum), "p"); }

TEST(RuleTest, NeedsAsManyPromisesAsMeetEveryQuorumAndEachOther) {
  struct Row {
    int voters;
    uint32_t quorum, promises, resume;
  };
  // F1: at n=2, q=2 one promise would let two candidates take one epoch. F6: |V|+1 answers can never be had.
  for (const Row& row : {Row{1, 1, 1, 1}, Row{2, 1, 2, 1}, Row{2, 2, 2, 1}, Row{3, 1, 3, 1}, Row{3, 2, 2, 2},
                         Row{3, 3, 3, 1}, Row{4, 3, 3, 2}, Row{5, 3, 3, 3}, Row{5, 4, 4, 2}}) {
    const Rule rule = Make(row.voters, row.quorum);
    EXPECT_EQ(rule.PromisesNeeded(), row.promises) << row.voters << "," << row.quorum;
    EXPECT_EQ(rule.ResumeAnswersNeeded(), row.resume) << row.voters << "," << row.quorum;
  }
}

TEST(RuleTest, EveryPromiseQuorumMeetsEveryCommitQuorumAndEveryOtherPromiseQuorum) {
  for (int n = 1; n <= 15; ++n) {
    for (int q = 1; q <= n; ++q) {
      const int promises = static_cast<int>(*Make(n, q).PromisesNeeded());
      EXPECT_GT(promises + q, n);
      EXPECT_GT(2 * promises, n);
      EXPECT_GT(promises + static_cast<int>(*Make(n, q).ResumeAnswersNeeded()), n);
    }
  }
}

TEST(RuleTest, NoNumberOfPromisesMeetsLocal) {
  EXPECT_EQ(Make(3, 0).PromisesNeeded(), std::nullopt);
  EXPECT_EQ(Make(0, 0).ResumeAnswersNeeded(), std::nullopt);
}

TEST(RuleTest, RefusesThePrimaryAsItsOwnVoter) {
  EXPECT_EQ(ReasonOf(Rule::FromProto(Proto(2, 1), "n1").status()), "CONFLICTING_SETTINGS");
}

TEST(RuleTest, RefusesAQuorumThatCannotBeMet) {
  EXPECT_EQ(ReasonOf(Rule::FromProto(Proto(2, 3), "p").status()), "CONFLICTING_SETTINGS");
}

TEST(RuleTest, RefusesAVoterTwiceWithoutIncarnationOrOneTooMany) {
  v1::DurabilityRule twice = Proto(2, 1);
  twice.mutable_voters(1)->set_node_id("n2");
  twice.mutable_voters(1)->set_incarnation("2");
  EXPECT_FALSE(Rule::FromProto(twice, "p").ok());
  v1::DurabilityRule nobody = Proto(2, 1);
  nobody.mutable_voters(0)->clear_incarnation();
  EXPECT_FALSE(Rule::FromProto(nobody, "p").ok());
  EXPECT_FALSE(Rule::FromProto(Proto(16, 1), "p").ok());
}

TEST(RuleTest, AnotherIncarnationIsNoVoter) {
  const Rule rule = Make(2, 1);
  EXPECT_TRUE(rule.HasVoter({"n1", "1"}));
  EXPECT_FALSE(rule.HasVoter({"n1", "2"}));
}

TEST(RuleTest, SurvivesTheWireInNodeIdOrder) {
  const Rule rule = Make(3, 2);
  EXPECT_EQ(rule.voters.front().node_id, "n1");
  EXPECT_EQ(*Rule::FromProto(rule.ToProto(), "p"), rule);
}

}  // namespace
}  // namespace holdfast::replication
