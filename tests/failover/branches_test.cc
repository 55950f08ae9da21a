#include "failover/branches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::LogPosition At(uint64_t epoch, uint64_t index) {
  Position position;
  position.revision = Revision(epoch, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(0xa0 + epoch);
  position.chain_hash.bytes[1] = static_cast<uint8_t>(index);
  return storage::ToProto(position);
}

struct Epoch {
  uint64_t number;
  uint64_t first;
  uint64_t last;
  bool unsettled = false;
};

// A log with these epochs; its node knows it committed up to its end.
v1::PromiseResponse Log(const std::string& node_id, const std::vector<Epoch>& epochs) {
  v1::PromiseResponse said;
  said.set_node_id(node_id);
  for (const Epoch& epoch : epochs) {
    v1::LogEpoch& described = *said.add_epochs();
    *described.mutable_first() = At(epoch.number, epoch.first);
    described.set_last_revision(Revision(epoch.number, epoch.last).number());
    described.set_breaks_glass(epoch.unsettled);
    described.set_unsettled(epoch.unsettled);
    v1::LogRule& rule = *described.add_rules();
    rule.set_revision(described.first().revision());
    rule.mutable_rule()->set_quorum(1);
    v1::Voter& voter = *rule.mutable_rule()->add_voters();
    voter.set_node_id("voter-of-" + std::to_string(epoch.number));
    voter.set_incarnation("1");
  }
  *said.mutable_appended() = At(epochs.back().number, epochs.back().last);
  *said.mutable_committed() = said.appended();
  return said;
}

// Both sites were forced on: dc1 (p, y) by an override as epoch 64, dc2 (a, b) as epoch 1.
class BranchesTest : public ::testing::Test {
 protected:
  const v1::PromiseResponse a_ = Log("a", {{0, 1, 10}, {1, 11, 20}});
  const v1::PromiseResponse b_ = Log("b", {{0, 1, 10}, {1, 11, 18}});
  const v1::PromiseResponse p_ = Log("p", {{0, 1, 10}, {64, 11, 14, true}});
  const v1::PromiseResponse y_ = Log("y", {{0, 1, 10}, {64, 11, 13, true}});
  const v1::PromiseResponse old_ = Log("z", {{0, 1, 9}});
};

TEST_F(BranchesTest, PartsOfOneLogAreNoBranches) {
  const Branches found = FindBranches("a", {a_, b_, old_}, "");
  EXPECT_TRUE(found.open.ok());
  EXPECT_THAT(found.all, IsEmpty());
  EXPECT_THAT(found.left, IsEmpty());
}

TEST_F(BranchesTest, AcrossAnOpenOverrideNumbersDoNotChoose) {
  const Branches found = FindBranches("b", {a_, b_, old_, p_, y_}, "");
  EXPECT_EQ(ReasonOf(found.open), "CHECK_FAILED");
  EXPECT_THAT(std::string(found.open.message()), HasSubstr("--choose-branch=1.20@a114"));
  ASSERT_EQ(found.all.size(), 2u);
  EXPECT_EQ(found.all[0].name(), "1.20@a1140000") << "the candidate's own first";
  EXPECT_THAT(found.all[0].nodes(), ElementsAre("a", "b")) << "z is on both";
  EXPECT_EQ(found.all[0].records(), 10);
  EXPECT_EQ(Revision(found.all[0].fork_revision()), Revision(0, 10));
  EXPECT_EQ(found.all[1].name(), "64.14@e00e0000");
  EXPECT_THAT(found.all[1].nodes(), ElementsAre("p", "y"));
  EXPECT_EQ(Revision(found.all[1].committed_revision()), Revision(64, 14));
}

TEST_F(BranchesTest, OneIsKeptByItsNameAndTheRulesOfTheOtherAreNamed) {
  const Branches found = FindBranches("b", {a_, b_, old_, p_, y_}, "1.20@a1140000");
  EXPECT_TRUE(found.open.ok()) << found.open;
  EXPECT_THAT(found.left, ElementsAre("p", "y"));
  EXPECT_EQ(found.kept_from, "a");
  ASSERT_EQ(found.left_rules.size(), 1u);
  EXPECT_EQ(found.left_rules[0].voters(0).node_id(), "voter-of-64");
  EXPECT_TRUE(found.all[0].chosen());
}

TEST_F(BranchesTest, TheOtherOneMayBeKeptTooAndTheCandidateIsJudgedFromTheFork) {
  const Branches found = FindBranches("b", {a_, b_, old_, p_, y_}, "64.14@E00E0000");
  EXPECT_TRUE(found.open.ok()) << found.open;
  EXPECT_THAT(found.left, ElementsAre("a", "b"));
  EXPECT_EQ(found.own_fork, Revision(0, 10));
  CandidateLog own;
  own.self = {"b", "b-1"};
  own.appended = *storage::FromProto(b_.appended());
  own.has = [](const Position&) { return true; };
  own.rules = {{Revision(0, 1), {}, {}}, {Revision(1, 11), {}, {}}};
  const CandidateLog kept = OnKeptBranch(own, found);
  EXPECT_EQ(kept.appended.revision, Revision(0, 10));
  ASSERT_EQ(kept.rules.size(), 2u);
  EXPECT_EQ(kept.rules[1].revision, Revision(64, 11));
  EXPECT_FALSE(kept.has(own.appended));
}

TEST_F(BranchesTest, ANameThatIsNoneOrTooShortOrOfTheTrunkChoosesNothing) {
  for (const char* name : {"1.21@a1150000", "1.20@a114", "1.20", "0.9@a0090000", "64"}) {
    const Branches found = FindBranches("b", {a_, b_, old_, p_, y_}, name);
    EXPECT_EQ(ReasonOf(found.open), "CHECK_FAILED") << name;
    EXPECT_THAT(std::string(found.open.message()), HasSubstr("names no branch")) << name;
  }
}

// The one that was chosen is out of reach by now: another one must not take its place.
TEST_F(BranchesTest, AChosenBranchThatIsGoneIsNotReplacedByTheOneThatIsLeft) {
  EXPECT_FALSE(FindBranches("b", {a_, b_, old_}, "64.14@e00e0000").open.ok());
}

// R6: an unfinished end that nobody was shown goes, without a word.
TEST_F(BranchesTest, AnEndThatNobodyWasShownIsLeftByItsNumber) {
  v1::PromiseResponse cut_off = Log("p", {{0, 1, 13}});
  *cut_off.mutable_committed() = At(0, 10);
  const Branches found = FindBranches("b", {a_, b_, cut_off}, "");
  EXPECT_TRUE(found.open.ok()) << found.open;
  EXPECT_THAT(found.all, IsEmpty());
  EXPECT_THAT(found.left, ElementsAre("p"));
}

TEST_F(BranchesTest, AnEndThatSomebodyWasShownIsNot) {
  const v1::PromiseResponse cut_off = Log("p", {{0, 1, 13}});
  EXPECT_FALSE(FindBranches("b", {a_, b_, cut_off}, "").open.ok());
}

// Once enough have come to a break-glass epoch, it is as good as proven: what it left is left.
TEST_F(BranchesTest, AfterASettledOverrideNumbersDecideAgain) {
  v1::PromiseResponse forced = Log("b", {{0, 1, 10}, {1, 11, 20, true}});
  forced.mutable_epochs(1)->set_unsettled(false);
  const v1::PromiseResponse old = Log("p", {{0, 1, 13}});
  EXPECT_TRUE(FindBranches("b", {forced, old}, "").open.ok());
  EXPECT_FALSE(FindBranches("p", {forced, old}, "").open.ok()) << "it would cut what it has shown itself";
}

TEST_F(BranchesTest, WhoCannotPromiseTakesNoPart) {
  v1::PromiseResponse halted = p_;
  halted.set_cannot_promise("it has stopped serving");
  EXPECT_TRUE(FindBranches("b", {a_, b_, halted}, "").open.ok());
}

}  // namespace
}  // namespace holdfast::failover
