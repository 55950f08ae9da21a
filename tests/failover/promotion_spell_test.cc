// Promotions during and after a planned spell of local.
#include <gmock/gmock.h>

#include "base/error.h"
#include "primary/spell.h"
#include "storage/salvage_file.h"
#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using replication::TestNode;

// A spell of local of the cluster as `id` knows it, and its end.
storage::RecordDraft SpellBegins(const v1::ClusterInfo& before) {
  v1::ChangeSpellRequest request;
  request.mutable_duration()->set_seconds(3600);
  request.set_reason("line works");
  return *primary::SpellBeginDraft(before, request, absl::FromUnixSeconds(1));
}
storage::RecordDraft SpellEnds(const v1::ClusterInfo& now) {
  return *primary::SpellEndDraft(now, now.spell().former_rule(), {});
}

TEST_F(PromotionTest, APromotionDuringASpellIsUnknownNeedsItsOverrideAndEndsTheSpell) {
  Begin();
  ASSERT_TRUE(RunUntilShown("p", Append("p", SpellBegins(node("p").replica().cluster()))));
  CommitEverywhere("k");
  Isolate("p");
  const Position alone = Commit("p", "k", "only at p");
  ASSERT_TRUE(RunUntilShown("p", alone)) << "acknowledged by the primary alone";
  const v1::Plan plan = PlanAt("a");
  EXPECT_FALSE(plan.admissible());
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_EQ(plan.new_rule().quorum(), 2u) << "the rule before the spell";
  v1::Overrides overrides;
  overrides.set_accept_unknown_loss(true);
  const v1::Operation done = Promote("a", overrides);
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_FALSE(node("a").replica().cluster().has_spell());
  EXPECT_EQ(node("a").replica().cluster().rule().quorum(), 2u);
  EXPECT_EQ(node("a").replica().cluster().rule_origin().operator_name(), "kim");
  // What p alone held is kept when it is back.
  network_.HealAll();
  ASSERT_TRUE(time_.RunUntil(
      [&] {
        return node("p").role() == v1::NODE_ROLE_FENCED || node("p").role() == v1::NODE_ROLE_SUSPENDED ||
               GivePromise("p", done.plan().epoch(), "a").ok();
      },
      absl::Seconds(30)));
  ASSERT_EQ(node("p").replica().Rejoin(), absl::OkStatus());
  EXPECT_TRUE(Follows("p", "a"));
  const auto files = storage::ListSalvageFiles(&node("p").files(), "/d");
  ASSERT_TRUE(files.ok());
  EXPECT_EQ(files->size(), 1u);
}

TEST_F(PromotionTest, AfterASpellAPromotionIsProvenAgain) {
  Begin();
  ASSERT_TRUE(RunUntilShown("p", Append("p", SpellBegins(node("p").replica().cluster()))));
  Commit("p", "k", "in the spell");
  ASSERT_TRUE(RunUntilShown("p", Append("p", SpellEnds(node("p").replica().cluster()))));
  Isolate("p");
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN);
}

// The end of a spell that its voters never heard of ends nothing for them.
TEST_F(PromotionTest, AnEndOfASpellThatNoVoterHoldsProvesNothing) {
  Begin();
  ASSERT_TRUE(RunUntilShown("p", Append("p", SpellBegins(node("p").replica().cluster()))));
  CommitEverywhere("k");
  Isolate("p");
  const Position end = Append("p", SpellEnds(node("p").replica().cluster()));
  time_.RunFor(absl::Seconds(1));
  EXPECT_LT(node("p").store().visible().revision, end.revision) << "it waits for them";
  EXPECT_EQ(PlanAt("a").verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
}

}  // namespace
}  // namespace holdfast::failover
