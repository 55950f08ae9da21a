#include "failover/settlement.h"

#include <gmock/gmock.h>

#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::DurabilityRule Rule(const std::vector<std::string>& voters, uint32_t quorum) {
  v1::DurabilityRule rule;
  for (const std::string& voter : voters) {
    rule.add_voters()->set_node_id(voter);
    rule.mutable_voters()->rbegin()->set_incarnation(voter + "-1");
  }
  rule.set_quorum(quorum);
  return rule;
}

std::vector<v1::NodeInfo> Members(const std::vector<std::string>& ids) {
  std::vector<v1::NodeInfo> members;
  for (const std::string& id : ids) members.emplace_back().set_node_id(id);
  return members;
}

TEST(UnsettledEpochTest, IsSettledByAPromiseQuorumOfEachRule) {
  v1::UnsettledEpoch note = NoteOfWaived(Revision(64, 11), {Rule({"a", "b", "x"}, 2), Rule({"y"}, 1)}, {});
  EXPECT_EQ(note.epoch(), 64u);
  EXPECT_EQ(note.waived(0).needed(), 2u);
  EXPECT_TRUE(NoteAdopted({"b", "b-1"}, &note));
  EXPECT_FALSE(NoteAdopted({"b", "b-1"}, &note)) << "known";
  EXPECT_TRUE(NoteAdopted({"a", "a-1"}, &note));
  EXPECT_FALSE(IsSettled(note)) << "the other rule";
  EXPECT_THAT(Describe(note), HasSubstr("did without 1 vote of {y}"));
  EXPECT_TRUE(NoteAdopted({"y", "y-1"}, &note));
  EXPECT_TRUE(IsSettled(note));
}

// R16: it is the incarnation that has a vote.
TEST(UnsettledEpochTest, AnotherIncarnationOfAVoterAdoptsNothing) {
  v1::UnsettledEpoch note = NoteOfWaived(Revision(64, 11), {Rule({"a", "b"}, 2)}, {});
  EXPECT_FALSE(NoteAdopted({"a", "a-2"}, &note));
  EXPECT_FALSE(NoteAdopted({"z", "z-1"}, &note));
}

TEST(UnsettledEpochTest, WhomARecordHasReplacedOrRemovedVotesNoMore) {
  v1::UnsettledEpoch note = NoteOfWaived(Revision(64, 11), {Rule({"a", "b", "x"}, 2)}, {});
  std::vector<v1::NodeInfo> members = Members({"a", "b", "x"});
  members[0].set_incarnation("a-1");
  EXPECT_FALSE(NoteReplaced(members, Rule({"y"}, 1), &note));
  members[0].set_incarnation("a-2");
  EXPECT_TRUE(NoteReplaced(members, Rule({"y"}, 1), &note)) << "a server with a new slot";
  EXPECT_FALSE(IsSettled(note));
  v1::DurabilityRule rule = Rule({"x"}, 1);
  rule.mutable_voters(0)->set_incarnation("x-2");
  EXPECT_TRUE(NoteReplaced(members, rule, &note)) << "a proxy that was given its vote anew";
  EXPECT_TRUE(IsSettled(note));
  v1::UnsettledEpoch other = NoteOfWaived(Revision(64, 11), {Rule({"a", "b"}, 1)}, {});
  EXPECT_TRUE(NoteReplaced(Members({"y"}), Rule({"y"}, 1), &other)) << "no members any more";
  EXPECT_TRUE(IsSettled(other));
}

// Found by the simulator (seed 4081): it had come, and was removed before that was remembered.
TEST(UnsettledEpochTest, AVoterThatCameAndWasRemovedHasOneVote) {
  v1::UnsettledEpoch note = NoteOfWaived(Revision(64, 11), {Rule({"a", "b"}, 2)}, {});
  EXPECT_TRUE(NoteReplaced(Members({"b"}), Rule({"b"}, 1), &note));
  EXPECT_FALSE(NoteAdopted({"a", "a-1"}, &note)) << "counted already";
  EXPECT_FALSE(IsSettled(note)) << "b has not come";
}

// Found by the simulator (seed 6756): a proxy that had lost its disk was given its vote anew by a promotion,
// which leaves the slot in the inventory with the incarnation that is gone.
TEST(UnsettledEpochTest, AnOlderSlotInTheInventoryReplacesNobody) {
  std::vector<v1::NodeInfo> members = Members({"a", "b"});
  members[0].set_incarnation("a-0");
  v1::UnsettledEpoch note = NoteOfWaived(Revision(64, 11), {Rule({"a", "b"}, 2)}, members);
  EXPECT_FALSE(NoteReplaced(members, Rule({"b"}, 1), &note)) << "a-1 is alive, and has not come";
  members[0].set_incarnation("a-2");
  EXPECT_TRUE(NoteReplaced(members, Rule({"b"}, 1), &note)) << "admitted since";
}

// The site of the voters is lost; p goes on with y, by override, and x, a, b come back one after the other.
class SettlementTest : public PromotionTest {
 protected:
  ~SettlementTest() override { settlements_.clear(); }

  void GoOnInPlace() {
    Add("y", v1::NODE_KIND_PROXY);
    Begin();
    CommitEverywhere("k");
    for (const char* id : {"a", "b", "x", "z"}) node(id).Kill();
    v1::Overrides overrides;
    overrides.set_accept_unknown_loss(true);
    done_ = Promote("p", overrides, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
    Watch("p");
  }
  // As a server does: with the records appended as the commit path does it.
  void Watch(const std::string& id) {
    TestNode& server = node(id);
    Settlement::Options options;
    options.store = &server.store();
    options.replica = &server.replica();
    options.transport = &server.transport();
    options.strand = &server.strand();
    options.clock = server.clock();
    options.append = [&server](const Settlement::MakeDraft& make, absl::Duration) {
      auto batch = server.store().BeginBatch();
      ASSERT_TRUE(batch.ok()) << batch.status();
      const auto draft = make(**batch);
      ASSERT_TRUE(draft.ok() && *draft);
      ASSERT_TRUE((*batch)->Append(server.replica().epoch(), server.id(), **draft).ok());
      ASSERT_TRUE((*batch)->Commit().ok());
      server.replica().OnOwnAppend();
    };
    settlements_[id] = std::make_unique<Settlement>(std::move(options));
    server.strand().Post([settlement = settlements_[id].get()] { settlement->Start(); });
  }
  void Restart(const std::string& id) {
    settlements_.erase(id);
    node(id).Kill();
    node(id).Start();
    time_.RunFor(absl::Milliseconds(10));
    Watch(id);
  }
  std::vector<std::string> Adopted(const std::string& id) {
    std::vector<std::string> adopted;
    for (const v1::UnsettledEpoch& note : node(id).replica().unsettled()) {
      for (const v1::Voter& voter : note.waived(0).adopted()) adopted.push_back(voter.node_id());
    }
    return adopted;
  }
  bool IsSettledAt(const std::string& id) { return node(id).replica().unsettled().empty(); }

  std::map<std::string, std::unique_ptr<Settlement>> settlements_;
  v1::Operation done_;
};

TEST_F(SettlementTest, IsSaidUntilEnoughHaveComeAndSurvivesARestart) {
  GoOnInPlace();
  EXPECT_EQ(done_.state(), v1::OPERATION_STATE_DONE) << done_.DebugString();
  EXPECT_THAT(done_.remains(), ::testing::Contains(HasSubstr("UNSETTLED")));
  ASSERT_EQ(node("p").replica().unsettled().size(), 1u);
  EXPECT_EQ(node("p").replica().unsettled()[0].waived(0).needed(), 2u);
  ASSERT_TRUE(RunUntilShown("y", node("p").store().visible()));
  EXPECT_FALSE(IsSettledAt("y")) << "every node that has the record can say it";

  node("x").Start();
  ASSERT_TRUE(
      time_.RunUntil([&] { return Adopted("p") == std::vector<std::string>{"x"}; }, absl::Seconds(30)));
  node("x").Kill();
  Restart("p");
  ASSERT_TRUE(time_.RunUntil([&] { return node("p").replica().CanAdmit().ok(); }, absl::Seconds(30)));
  EXPECT_THAT(Adopted("p"), ElementsAre("x")) << "what was known once stays known";

  node("b").Start();
  ASSERT_TRUE(time_.RunUntil([&] { return IsSettledAt("p"); }, absl::Seconds(30)));
  EXPECT_TRUE(time_.RunUntil([&] { return IsSettledAt("y") && IsSettledAt("b"); }, absl::Seconds(30)));
}

// Whoever is primary next goes on with what the log knows.
TEST_F(SettlementTest, SurvivesAChangeOfThePrimary) {
  GoOnInPlace();
  node("a").Start();
  ASSERT_TRUE(
      time_.RunUntil([&] { return Adopted("p") == std::vector<std::string>{"a"}; }, absl::Seconds(30)));
  for (const char* id : {"a", "y"}) {
    EXPECT_TRUE(time_.RunUntil([&] { return node(id).store().visible() == node("p").store().appended(); },
                               absl::Seconds(30)));
  }
  EXPECT_THAT(Adopted("a"), ElementsAre("a"));
  settlements_.erase("p");
  Isolate("p");
  const v1::Operation done = Promote("a");
  ASSERT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN) << done.DebugString();
  EXPECT_THAT(Adopted("a"), ElementsAre("a"));
  Watch("a");
  node("b").Start();
  EXPECT_TRUE(time_.RunUntil([&] { return IsSettledAt("a"); }, absl::Seconds(30)));
}

}  // namespace
}  // namespace holdfast::failover
