// The durability rule, spells of local, upstreams by hand and lent slots, as an operator reads and types
// them.
#include "gmock/gmock.h"
#include "tests/admin/fake_cluster.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// Two of {dc2-a, dc2-b, dc2-p1}; dc2-b does not follow.
class CliDurabilityTest : public FakeClusterTest {
 protected:
  CliDurabilityTest() {
    v1::StatusResponse& status = primary_->status;
    status.clear_rule();
    status.clear_followers();
    status.mutable_rule()->set_quorum(2);
    for (const char* id : {"dc2-a", "dc2-b", "dc2-p1"}) {
      v1::Voter& voter = *status.mutable_rule()->add_voters();
      voter.set_node_id(id);
      voter.set_incarnation(std::string("0123456789abcdef-") + id);
      if (voter.node_id() == "dc2-b") continue;
      v1::FollowerStatus& follower = *status.add_followers();
      follower.set_node_id(id);
      follower.set_incarnation(voter.incarnation());
      follower.mutable_appended()->set_revision(2);
    }
    status.set_rule_revision(1);
    status.set_rule_committed(true);
    status.set_rule_settled(true);
    status.mutable_rule_origin()->set_operator_name("olga@desk");
    status.mutable_rule_origin()->set_host("desk");
    status.mutable_rule_origin()->set_reason("the beginning of the cluster");
    status.mutable_rule_origin()->set_set_at_us(int64_t{1'800'000'000} * 1'000'000);
  }
  void IsInSpell() {
    v1::StatusResponse& status = primary_->status;
    *status.mutable_spell()->mutable_former_rule() = status.rule();
    status.mutable_spell()->set_seconds(7200);
    status.mutable_spell_left()->set_seconds(7139);
    status.mutable_rule()->set_quorum(0);
    status.mutable_rule_origin()->set_reason("line works");
  }
};

TEST_F(CliDurabilityTest, ShowsWhatCommitsNeedAndWhatPromotionsProve) {
  EXPECT_THAT(
      Out({"durability"}),
      MatchesRegex(
          "durability 2 of dc2-a, dc2-b, dc2-p1   \\(as dc1-a knows it, record 0.1\\)\n"
          "since      ....-..-.. ..:..:.., by olga@desk: the beginning of the cluster\n"
          "commits    acknowledged when 2 of the 3 voters have them on disk; they go on with any 1 of "
          "them lost\n"
          "promotion  PROVEN 0 when 2 of the 3 promise; it still is with any 1 of them lost\n"
          "\n"
          "VOTER   INCARNATION  STATE\n"
          "dc2-a   01234567     holds 0.2\n"
          "dc2-b   01234567     does not follow\n"
          "dc2-p1  01234567     holds 0.2\n"));
}

TEST_F(CliDurabilityTest, ASpellIsShownWithWhatIsLeftOfItAlsoByStatus) {
  IsInSpell();
  const std::string text = Out({"durability"});
  EXPECT_THAT(text, HasSubstr("durability local (q = 0)"));
  EXPECT_THAT(text, HasSubstr("promotion  UNKNOWN, whoever promises"));
  EXPECT_THAT(text,
              HasSubstr("afterwards 2 of dc2-a, dc2-b, dc2-p1, restored when the spell ends; if they are out "
                        "of reach then,\n           commits wait for them\n"));
  const char warning[] =
      "warning: LOCAL spell, 1 h 58 min left (olga@desk: line works): commits are held by the primary";
  EXPECT_THAT(text, HasSubstr(warning));
  EXPECT_THAT(Out({"status"}), HasSubstr(warning));
  EXPECT_THAT(Out({"durability", "-o", "json"}), HasSubstr("\"left_seconds\": 7139"));
}

TEST_F(CliDurabilityTest, ARuleThatItsVotersDoNotHoldIsSaid) {
  primary_->status.set_rule_committed(false);
  EXPECT_THAT(Out({"status"}),
              HasSubstr("waits for its voters: no commit is acknowledged until they hold it"));
}

TEST_F(CliDurabilityTest, WithoutThePrimaryItShowsWhatOthersKnowAndExitsWithThree) {
  standby_->status.mutable_rule()->set_quorum(1);
  primary_->Stop();
  const Outcome outcome = Run({"durability"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, Not(HasSubstr("as dc1-a knows it")));
}

TEST_F(CliDurabilityTest, ReplicatedAsksThePrimary) {
  Out({"durability", "replicated", "--q", "2", "--voters", "dc2-a,dc2-p1", "--reason", "two are enough"});
  ASSERT_TRUE(primary_->changed.has_value());
  EXPECT_EQ(primary_->changed->quorum(), 2u);
  EXPECT_EQ(primary_->changed->voters().node_ids_size(), 2);
  EXPECT_EQ(primary_->changed->reason(), "two are enough");
  EXPECT_EQ(Run({"durability", "replicated", "--q", "0"}).code, 2);
  EXPECT_EQ(Run({"durability", "replicated"}).code, 2);
}

TEST_F(CliDurabilityTest, ASpellNeedsATimeAndAReasonAndOneWish) {
  Out({"durability", "local", "--for", "2h", "--reason", "line works"});
  ASSERT_TRUE(primary_->spell_changed.has_value());
  EXPECT_EQ(primary_->spell_changed->action(), v1::SPELL_ACTION_BEGIN);
  EXPECT_EQ(primary_->spell_changed->duration().seconds(), 7200);
  EXPECT_EQ(primary_->spell_changed->operator_name(), "olga@desk");
  EXPECT_EQ(primary_->spell_changed->reason(), "line works");
  Out({"durability", "local", "--extend", "30m"});
  EXPECT_EQ(primary_->spell_changed->action(), v1::SPELL_ACTION_EXTEND);
  EXPECT_EQ(primary_->spell_changed->duration().seconds(), 1800);
  Out({"durability", "local", "--end"});
  EXPECT_EQ(primary_->spell_changed->action(), v1::SPELL_ACTION_END);
  primary_->spell_changed.reset();
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--for", "2h"},
                                             {"--for", "0s", "--reason", "r"},
                                             {"--for", "1h", "--end", "--reason", "r"},
                                             {}}) {
    std::vector<std::string> command = {"durability", "local"};
    command.insert(command.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(Run(command).code, 2);
  }
  EXPECT_FALSE(primary_->spell_changed.has_value());
}

// The record may be written: the command says so, and where to look.
TEST_F(CliDurabilityTest, AnAnswerThatWasLostIsNoFailure) {
  primary_->lost_answer = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection broke");
  const Outcome outcome = Run({"durability", "local", "--for", "2h", "--reason", "line works"});
  EXPECT_EQ(outcome.code, 5);
  EXPECT_THAT(outcome.err, HasSubstr("holdfast durability"));
}

TEST_F(CliDurabilityTest, ANodeIsPointedAtAnotherAndBack) {
  EXPECT_THAT(Out({"nodes", "point", "dc2-p1", "--upstream", "dc2-a"}),
              HasSubstr("dc2-p1 is fed by dc2-a; olga@desk pointed it at dc2-a"));
  ASSERT_TRUE(proxy_->pointed.has_value());
  EXPECT_EQ(proxy_->pointed->upstream_node_id(), "dc2-a");
  EXPECT_FALSE(primary_->pointed.has_value()) << "it is the node's own";
  EXPECT_THAT(Out({"status"}), HasSubstr("dc2-a (by hand)"));
  proxy_->pointed.reset();
  EXPECT_THAT(Out({"nodes", "point", "dc2-p1"}), HasSubstr("pointed it at dc2-a"));
  EXPECT_FALSE(proxy_->pointed.has_value()) << "only looked";
  EXPECT_THAT(Out({"nodes", "point", "dc2-p1", "--upstream", "auto"}), HasSubstr("it chooses by itself"));
  EXPECT_EQ(proxy_->pointed->upstream_node_id(), "");
  EXPECT_EQ(Run({"nodes", "point", "dc2-p1", "--upstream", "no-such"}).code, 4);
}

TEST_F(CliDurabilityTest, AChosenUpstreamThatDoesNotFeedIsAWarning) {
  proxy_->status.mutable_pin()->set_node_id("dc2-a");
  proxy_->status.set_pin_says("it was silent");
  proxy_->status.set_upstream_connected(true);
  proxy_->status.set_upstream_node_id("dc1-a");
  const std::string text = Out({"status"});
  EXPECT_THAT(text, HasSubstr("dc1-a (not dc2-a)"));
  EXPECT_THAT(text, HasSubstr("warning: 'dc2-a', chosen by hand, does not feed 'dc2-p1' (it was silent)"));
}

TEST_F(CliDurabilityTest, ADrainedNodeIsShown) {
  proxy_->status.set_draining(true);
  EXPECT_THAT(Out({"status"}), HasSubstr("drained"));
}

TEST_F(CliDurabilityTest, ASeededServerGetsTheSlotOfTheProxyThatIsNamed) {
  standby_->status.set_incarnation("new");
  const std::string text = Out({"nodes", "seed", "dc2-a", "--from", "dc2-p1"});
  EXPECT_THAT(text, HasSubstr("dc2-a holds 0.2 and has the slot 7 of dc2-p1"));
  EXPECT_THAT(text, HasSubstr("next: holdfast promote dc2-a --dry-run\n"));
  ASSERT_TRUE(proxy_->lent.has_value());
  EXPECT_EQ(proxy_->lent->incarnation(), "new");
  ASSERT_TRUE(standby_->taken.has_value());
  EXPECT_EQ(standby_->taken->loan().slot(), 7u);
}

}  // namespace
}  // namespace holdfast::admin
