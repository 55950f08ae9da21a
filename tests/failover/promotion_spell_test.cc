// Promotions during and after a planned spell of local, and of a server that was seeded from a proxy.
#include <gmock/gmock.h>

#include "base/error.h"
#include "primary/spell.h"
#include "replication/inventory.h"
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

// With the primary and both standbys lost: a server under the name of a lost one, with a copy of a proxy's.
TEST_F(PromotionTest, AServerThatWasSeededFromAProxyIsPromotedWithASlotThatOneLends) {
  Begin();
  storage::RecordDraft gives;
  gives.kind = v1::RECORD_KIND_SETTINGS;
  v1::NodeInfo proxy;
  proxy.set_node_id("x");
  proxy.set_site("dc1");
  proxy.set_kind(v1::NODE_KIND_PROXY);
  proxy.set_peer_address("x");
  proxy.set_slot(9);
  proxy.set_incarnation(node("x").incarnation());
  AddChange(&gives, replication::NodeKey("x"), replication::ToJson(proxy));
  Append("p", gives);
  const Position last = CommitEverywhere("k");
  v1::LendSlotRequest lend;
  lend.set_cluster_id("c1");
  lend.set_node_id("a");
  EXPECT_EQ(ReasonOf(node("x").replica().LendSlot(lend).status()), "CONFLICTING_SETTINGS")
      << "a primary feeds it, and can give a slot";

  for (const char* id : {"p", "a", "b"}) node(id).Kill();
  time_.RunFor(absl::Seconds(10));
  nodes_["a"] = std::make_unique<TestNode>(&time_, &network_, "a", v1::NODE_KIND_SERVER);
  node("a").Start({"z"});
  ASSERT_TRUE(node("a").store().node().RenewIncarnation("another machine").ok());
  ASSERT_TRUE(RunUntilShown("a", last)) << node("a").replica().view().activity;
  const v1::Plan without = PlanAt("a");
  EXPECT_FALSE(without.admissible());
  EXPECT_EQ(without.checks(0).name(), "candidate");
  EXPECT_EQ(without.checks(0).next_command(), "holdfast nodes seed a --from x");

  lend.set_incarnation(node("a").incarnation());
  const auto loan = node("x").replica().LendSlot(lend);
  ASSERT_TRUE(loan.ok()) << loan.status();
  v1::TakeSlotRequest take;
  take.set_cluster_id("c1");
  *take.mutable_loan() = *loan;
  ASSERT_EQ(node("a").replica().TakeSlot(take), absl::OkStatus());
  const v1::Plan plan = PlanAt("a");
  EXPECT_EQ(plan.epoch() % kEpochSlots, 9u);
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN) << "one voter of three is left";
  v1::Overrides overrides;
  overrides.set_accept_unknown_loss(true);
  const v1::Operation done = Promote("a", overrides);
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_TRUE(node("a").store().PositionAt(last.revision)->has_value());
  for (const char* id : {"x", "z"}) EXPECT_TRUE(Follows(id, "a")) << id;
  for (const v1::NodeInfo& member : node("x").replica().nodes()) {
    if (member.node_id() == "a") {
      EXPECT_EQ(member.slot(), 9u);
      EXPECT_EQ(member.incarnation(), node("a").incarnation());
    }
    if (member.node_id() == "x") {
      EXPECT_FALSE(member.has_slot()) << "it is the other's now";
    }
  }
  EXPECT_FALSE(node("a").replica().held_loan().has_value());
}

}  // namespace
}  // namespace holdfast::failover
