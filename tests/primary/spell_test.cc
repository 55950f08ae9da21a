#include "primary/spell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"

namespace holdfast::primary {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// Two of {b, c, p}; the spell is wanted for an hour.
class SpellTest : public ::testing::Test {
 protected:
  SpellTest() {
    for (const char* id : {"b", "c", "p"}) {
      v1::Voter& voter = *before_.mutable_rule()->add_voters();
      voter.set_node_id(id);
      voter.set_incarnation(std::string("1") + id);
    }
    before_.mutable_rule()->set_quorum(2);
    before_.mutable_rule_origin()->set_operator_name("init");
    request_.set_action(v1::SPELL_ACTION_BEGIN);
    request_.mutable_duration()->set_seconds(3600);
    request_.set_operator_name("olga");
    request_.set_host("desk");
    request_.set_reason("line works");
  }
  static v1::ClusterInfo After(const storage::RecordDraft& draft) {
    EXPECT_EQ(draft.kind, v1::RECORD_KIND_SETTINGS);
    EXPECT_EQ(draft.changes.size(), 1u);
    return *replication::ClusterFromJson(draft.changes[0].value());
  }
  v1::ClusterInfo Begun() { return After(*SpellBeginDraft(before_, request_, kNow)); }

  v1::ClusterInfo before_;
  v1::ChangeSpellRequest request_;
};

TEST_F(SpellTest, ASpellKeepsTheVotersAndTheWayBackAndWhoWantedIt) {
  const auto draft = SpellBeginDraft(before_, request_, kNow);
  ASSERT_TRUE(draft.ok()) << draft.status();
  ASSERT_TRUE(draft->rule.has_value());
  EXPECT_EQ(draft->rule->quorum(), 0u);
  EXPECT_EQ(draft->rule->voters_size(), 3);
  const v1::ClusterInfo now = After(*draft);
  EXPECT_EQ(now.rule().SerializeAsString(), draft->rule->SerializeAsString());
  EXPECT_EQ(now.spell().former_rule().SerializeAsString(), before_.rule().SerializeAsString());
  EXPECT_EQ(now.spell().seconds(), 3600);
  EXPECT_EQ(now.rule_origin().operator_name(), "olga");
  EXPECT_EQ(now.rule_origin().reason(), "line works");
}

TEST_F(SpellTest, ItsTimeIsBoundedAndItsReasonIsGiven) {
  for (const int64_t seconds : {int64_t{0}, absl::ToInt64Seconds(kMaxLocalSpell) + 1}) {
    request_.mutable_duration()->set_seconds(seconds);
    EXPECT_EQ(ReasonOf(SpellBeginDraft(before_, request_, kNow).status()), "INVALID_REQUEST") << seconds;
  }
  request_.mutable_duration()->set_seconds(60);
  request_.clear_reason();
  EXPECT_EQ(ReasonOf(SpellBeginDraft(before_, request_, kNow).status()), "INVALID_REQUEST");
}

TEST_F(SpellTest, OneAtATimeAndOnlyWhereThereIsAWayBack) {
  EXPECT_EQ(ReasonOf(SpellBeginDraft(Begun(), request_, kNow).status()), "CONFLICTING_SETTINGS");
  before_.mutable_rule()->set_quorum(0);
  EXPECT_EQ(ReasonOf(SpellBeginDraft(before_, request_, kNow).status()), "CONFLICTING_SETTINGS");
}

TEST_F(SpellTest, AnExtensionChangesNoRuleAndKeepsTheBound) {
  const v1::ClusterInfo begun = Begun();
  request_.mutable_duration()->set_seconds(1800);
  request_.set_reason("not done yet");
  const auto longer = SpellExtendDraft(begun, request_);
  ASSERT_TRUE(longer.ok()) << longer.status();
  EXPECT_FALSE(longer->rule.has_value()) << "nobody has to confirm it";
  EXPECT_EQ(After(*longer).spell().seconds(), 5400);
  EXPECT_EQ(After(*longer).spell().began_at_us(), begun.spell().began_at_us()) << "the same spell";
  EXPECT_THAT(After(*longer).rule_origin().reason(), ::testing::HasSubstr("not done yet"));
  request_.mutable_duration()->set_seconds(absl::ToInt64Seconds(kMaxLocalSpell) - 3599);
  EXPECT_EQ(ReasonOf(SpellExtendDraft(begun, request_).status()), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(SpellExtendDraft(before_, request_).status()), "CONFLICTING_SETTINGS");
}

TEST_F(SpellTest, ItsEndRestoresTheRuleBefore) {
  const v1::ClusterInfo begun = Begun();
  const auto draft = SpellEndDraft(begun, RestoredRule(begun.spell(), {}), EndedByItself(begun, "a", kNow));
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ(draft->rule->SerializeAsString(), before_.rule().SerializeAsString());
  const v1::ClusterInfo after = After(*draft);
  EXPECT_FALSE(after.has_spell());
  EXPECT_THAT(after.rule_origin().reason(), ::testing::HasSubstr("ended by itself (olga: line works)"));
  EXPECT_EQ(ReasonOf(SpellEndDraft(before_, before_.rule(), {}).status()), "CONFLICTING_SETTINGS");
}

// Planned work on a voter's disk is what spells are for.
TEST_F(SpellTest, ItsEndNamesTheIncarnationThatHoldsTheLogNow) {
  const v1::DurabilityRule rule = RestoredRule(Begun().spell(), {{"c", "2c"}, {"z", "1z"}});
  ASSERT_EQ(rule.voters_size(), 3);
  EXPECT_EQ(rule.voters(0).incarnation(), "1b");
  EXPECT_EQ(rule.voters(1).incarnation(), "2c");
  EXPECT_EQ(rule.quorum(), 2u);
}

}  // namespace
}  // namespace holdfast::primary
