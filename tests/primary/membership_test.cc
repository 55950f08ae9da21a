#include "primary/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"

namespace holdfast::primary {
namespace {

using replication::Inventory;

v1::NodeSpec Spec(const std::string& id, const std::string& site, v1::NodeKind kind, bool voter = false) {
  v1::NodeSpec spec;
  spec.set_node_id(id);
  spec.set_site(site);
  spec.set_kind(kind);
  spec.set_client_address(id + ":7400");
  spec.set_peer_address(id + ":7401");
  spec.set_voter(voter);
  return spec;
}

v1::InitRequest TwoSites() {
  v1::InitRequest request;
  request.set_quorum(2);
  *request.add_nodes() = Spec("a", "dc1", v1::NODE_KIND_SERVER);
  *request.add_nodes() = Spec("b", "dc2", v1::NODE_KIND_SERVER, true);
  *request.add_nodes() = Spec("c", "dc2", v1::NODE_KIND_SERVER, true);
  *request.add_nodes() = Spec("p", "dc2", v1::NODE_KIND_PROXY, true);
  return request;
}

Incarnations All() { return {{"a", "1a"}, {"b", "1b"}, {"c", "1c"}, {"p", "1p"}, {"n", "1n"}}; }

Inventory After(Inventory inventory, const storage::RecordDraft& draft) {
  for (const v1::Change& change : draft.changes) {
    if (change.key() == std::string(replication::kClusterKey)) {
      inventory.cluster = *replication::ClusterFromJson(change.value());
      continue;
    }
    const std::string id = change.key().substr(replication::kNodesPrefix.size());
    std::erase_if(inventory.nodes, [&](const v1::NodeInfo& node) { return node.node_id() == id; });
    if (change.has_value()) inventory.nodes.push_back(*replication::NodeFromJson(change.value()));
  }
  return inventory;
}

Inventory Fresh() { return After({}, *FirstEpochDraft(TwoSites(), "a", "c1", All())); }

TEST(MembershipTest, FirstEpochGivesThePrimarySlotZeroAndEachServerItsOwn) {
  const Inventory fresh = Fresh();
  EXPECT_EQ(fresh.Find("a")->slot(), 0u);
  EXPECT_EQ(fresh.Find("b")->slot(), 1u);
  EXPECT_EQ(fresh.Find("c")->slot(), 2u);
  EXPECT_EQ(fresh.Find("p")->slot(), 3u) << "a proxy's, to be lent: after those of all servers";
  EXPECT_EQ(fresh.cluster.next_slot(), 4u);
  EXPECT_EQ(fresh.cluster.primary_node_id(), "a");
}

TEST(MembershipTest, FirstEpochNamesVotersWithTheirIncarnations) {
  const auto draft = FirstEpochDraft(TwoSites(), "a", "c1", All());
  ASSERT_TRUE(draft.ok());
  ASSERT_EQ(draft->rule->voters_size(), 3);
  EXPECT_EQ(draft->rule->voters(0).incarnation(), "1b");
  EXPECT_EQ(draft->rule->quorum(), 2u);
  for (size_t i = 1; i < draft->changes.size(); ++i)
    EXPECT_LT(draft->changes[i - 1].key(), draft->changes[i].key());
}

TEST(MembershipTest, FirstEpochRefusesWhatContradictsItself) {
  v1::InitRequest primary_votes = TwoSites();
  primary_votes.mutable_nodes(0)->set_voter(true);
  EXPECT_EQ(ReasonOf(FirstEpochDraft(primary_votes, "a", "c1", All()).status()), "CONFLICTING_SETTINGS");
  v1::InitRequest q_too_high = TwoSites();
  q_too_high.set_quorum(4);
  EXPECT_EQ(ReasonOf(FirstEpochDraft(q_too_high, "a", "c1", All()).status()), "CONFLICTING_SETTINGS");
  v1::InitRequest twice = TwoSites();
  *twice.add_nodes() = twice.nodes(1);
  EXPECT_EQ(ReasonOf(FirstEpochDraft(twice, "a", "c1", All()).status()), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(FirstEpochDraft(TwoSites(), "z", "c1", All()).status()), "CONFLICTING_SETTINGS");
}

TEST(MembershipTest, FirstEpochNeedsTheIncarnationOfEveryServerAndVoter) {
  Incarnations known = All();
  known.erase("p");
  EXPECT_EQ(ReasonOf(FirstEpochDraft(TwoSites(), "a", "c1", known).status()), "UNREACHABLE");
}

TEST(MembershipTest, AnAddedServerGetsTheNextSlotAndARemovedOnesIsNotGivenAgain) {
  v1::ChangeNodesRequest remove;
  remove.add_remove("b");
  remove.set_quorum(1);
  const auto removal = SettingsDraft(Fresh(), remove, All(), Scope::kWhole);
  ASSERT_TRUE(removal.ok()) << removal.status();
  const Inventory without = After(Fresh(), **removal);
  EXPECT_EQ(without.Find("b"), nullptr);
  EXPECT_EQ(without.cluster.rule().voters_size(), 2);

  v1::ChangeNodesRequest add;
  *add.add_set() = Spec("n", "dc2", v1::NODE_KIND_SERVER);
  const Inventory with = After(without, **SettingsDraft(without, add, All(), Scope::kWhole));
  EXPECT_EQ(with.Find("n")->slot(), 4u);
}

TEST(MembershipTest, AWipedVoterIsAdmittedAgainWithItsNewIncarnationAndANewSlot) {
  v1::ChangeNodesRequest again;
  *again.add_set() = Spec("b", "dc2", v1::NODE_KIND_SERVER, true);
  Incarnations known = All();
  known["b"] = "2b";
  const auto draft = SettingsDraft(Fresh(), again, known, Scope::kWhole);
  ASSERT_TRUE(draft.ok()) << draft.status();
  ASSERT_TRUE(draft->has_value());
  EXPECT_TRUE(replication::IsVoter(*(*draft)->rule, "b", "2b"));
  EXPECT_FALSE(replication::IsVoter(*(*draft)->rule, "b", "1b"));
  EXPECT_EQ(After(Fresh(), **draft).Find("b")->slot(), 4u);
}

TEST(MembershipTest, ADeadVoterDoesNotBlockAChangeOfOthers) {
  v1::ChangeNodesRequest add;
  *add.add_set() = Spec("n", "dc2", v1::NODE_KIND_PROXY, true);
  const auto draft = SettingsDraft(Fresh(), add, {{"n", "1n"}}, Scope::kWhole);
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_TRUE(replication::IsVoter(*(*draft)->rule, "b", "1b"));
  EXPECT_TRUE(replication::IsVoter(*(*draft)->rule, "n", "1n"));
}

TEST(MembershipTest, NothingToChangeMakesNoRecord) {
  v1::ChangeNodesRequest same;
  *same.add_set() = Spec("p", "dc2", v1::NODE_KIND_PROXY, true);
  const auto draft = SettingsDraft(Fresh(), same, All(), Scope::kWhole);
  ASSERT_TRUE(draft.ok());
  EXPECT_FALSE(draft->has_value());
}

TEST(MembershipTest, RefusesToRemoveThePrimaryOrToTurnAServerIntoAProxy) {
  v1::ChangeNodesRequest remove;
  remove.add_remove("a");
  EXPECT_EQ(ReasonOf(SettingsDraft(Fresh(), remove, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
  v1::ChangeNodesRequest turn;
  *turn.add_set() = Spec("b", "dc2", v1::NODE_KIND_PROXY);
  EXPECT_EQ(ReasonOf(SettingsDraft(Fresh(), turn, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
}

TEST(MembershipTest, MembersOnlyLeavesTheRuleAndRemovesNobody) {
  v1::ChangeNodesRequest change;
  change.add_remove("b");
  *change.add_set() = Spec("n", "dc2", v1::NODE_KIND_PROXY, true);
  const auto draft = SettingsDraft(Fresh(), change, All(), Scope::kMembers);
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_FALSE((*draft)->rule.has_value());
  const Inventory next = After(Fresh(), **draft);
  EXPECT_NE(next.Find("b"), nullptr);
  EXPECT_NE(next.Find("n"), nullptr);
}

TEST(MembershipTest, RefusesFewerVotersThanQ) {
  v1::ChangeNodesRequest remove;
  remove.add_remove("b");
  remove.add_remove("c");
  EXPECT_EQ(ReasonOf(SettingsDraft(Fresh(), remove, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
}

TEST(MembershipTest, RefusesAnAddressThatIsUsedTwice) {
  v1::ChangeNodesRequest add;
  *add.add_set() = Spec("n", "dc2", v1::NODE_KIND_PROXY);
  add.mutable_set(0)->set_peer_address("b:7401");
  EXPECT_EQ(ReasonOf(SettingsDraft(Fresh(), add, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
}

TEST(MembershipTest, ARetentionPolicyChangesOnlyInWhatIsSaid) {
  v1::ChangeNodesRequest first;
  first.mutable_retention()->set_age_seconds(60);
  first.mutable_retention()->set_records(5);
  const Inventory now = After(Fresh(), **SettingsDraft(Fresh(), first, All(), Scope::kWhole));
  v1::ChangeNodesRequest second;
  second.mutable_retention()->set_records(7);
  const Inventory then = After(now, **SettingsDraft(now, second, All(), Scope::kWhole));
  EXPECT_EQ(then.cluster.retention().age_seconds(), 60);
  EXPECT_EQ(then.cluster.retention().records(), 7);
  second.mutable_retention()->set_records(-1);
  EXPECT_EQ(ReasonOf(SettingsDraft(now, second, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
}

TEST(MembershipTest, AProxyThatCannotBeAskedGetsItsSlotWhenItCan) {
  Incarnations known = All();
  known.erase("p");
  v1::InitRequest request = TwoSites();
  request.mutable_nodes(3)->set_voter(false);
  const Inventory fresh = After({}, *FirstEpochDraft(request, "a", "c1", known));
  EXPECT_FALSE(fresh.Find("p")->has_slot());
  v1::ChangeNodesRequest same;
  *same.add_set() = Spec("p", "dc2", v1::NODE_KIND_PROXY);
  EXPECT_THAT(NodesToAsk(fresh, same), ::testing::ElementsAre("p"));
  const Inventory then = After(fresh, **SettingsDraft(fresh, same, All(), Scope::kWhole));
  EXPECT_EQ(then.Find("p")->slot(), 3u);
}

TEST(MembershipTest, ServersKeepHalfOfTheSlotsForThemselves) {
  Inventory now = Fresh();
  now.cluster.set_next_slot(kMaxSlotsWithProxies);
  v1::ChangeNodesRequest add;
  *add.add_set() = Spec("q", "dc1", v1::NODE_KIND_PROXY);
  *add.add_set() = Spec("n", "dc1", v1::NODE_KIND_SERVER);
  Incarnations all = All();
  all["q"] = "1q";
  const Inventory then = After(now, **SettingsDraft(now, add, all, Scope::kWhole));
  EXPECT_FALSE(then.Find("q")->has_slot());
  EXPECT_EQ(then.Find("n")->slot(), static_cast<uint32_t>(kMaxSlotsWithProxies));
}

// R19: nobody falls back to local for good.
TEST(MembershipTest, QuorumZeroIsNoSettingButASpell) {
  v1::ChangeNodesRequest local;
  local.set_quorum(0);
  const absl::Status refused = SettingsDraft(Fresh(), local, All(), Scope::kWhole).status();
  EXPECT_EQ(ReasonOf(refused), "CONFLICTING_SETTINGS");
  EXPECT_THAT(std::string(refused.message()), ::testing::HasSubstr("holdfast durability local --for"));
}

TEST(MembershipTest, TheRuleSaysWhoSetItAndWhen) {
  v1::ChangeNodesRequest change;
  change.set_quorum(3);
  change.set_operator_name("olga");
  change.set_host("desk");
  change.set_reason("three copies");
  const Inventory then = After(
      Fresh(), **SettingsDraft(Fresh(), change, All(), Scope::kWhole, absl::FromUnixSeconds(1'800'000'000)));
  EXPECT_EQ(then.cluster.rule_origin().operator_name(), "olga");
  EXPECT_EQ(then.cluster.rule_origin().host(), "desk");
  EXPECT_EQ(then.cluster.rule_origin().reason(), "three copies");
  EXPECT_EQ(then.cluster.rule_origin().set_at_us(), int64_t{1'800'000'000} * 1'000'000);
  v1::ChangeNodesRequest other;
  *other.add_set() = Spec("q", "dc1", v1::NODE_KIND_PROXY);
  const Inventory later = After(then, **SettingsDraft(then, other, All(), Scope::kWhole));
  EXPECT_EQ(later.cluster.rule_origin().operator_name(), "olga") << "another change is not the rule's";
}

// What a spell of local makes of changes of members; the spell itself is in spell_test.cc.
class MembershipInSpellTest : public ::testing::Test {
 protected:
  MembershipInSpellTest() : now_(Fresh()) {
    *now_.cluster.mutable_spell()->mutable_former_rule() = now_.cluster.rule();
    now_.cluster.mutable_spell()->set_began_at_us(1);
    now_.cluster.mutable_spell()->set_seconds(60);
    now_.cluster.mutable_rule()->set_quorum(0);
  }
  Inventory now_;
};

TEST_F(MembershipInSpellTest, AQuorumEndsIt) {
  v1::ChangeNodesRequest change;
  change.set_quorum(1);
  const auto draft = SettingsDraft(now_, change, All(), Scope::kWhole);
  ASSERT_TRUE(draft.ok()) << draft.status();
  EXPECT_EQ((*draft)->rule->quorum(), 1u);
  EXPECT_FALSE(After(now_, **draft).cluster.has_spell());
}

TEST_F(MembershipInSpellTest, OtherVotersAreThoseThatItsEndRestores) {
  v1::ChangeNodesRequest change;
  for (const char* id : {"c", "p"}) change.mutable_voters()->add_node_ids(id);
  const auto draft = SettingsDraft(now_, change, All(), Scope::kWhole);
  ASSERT_TRUE(draft.ok()) << draft.status();
  const Inventory then = After(now_, **draft);
  EXPECT_EQ(then.cluster.rule().quorum(), 0u);
  ASSERT_EQ(then.cluster.spell().former_rule().voters_size(), 2);
  EXPECT_EQ(then.cluster.spell().former_rule().voters(0).node_id(), "c");
  EXPECT_EQ(then.cluster.spell().former_rule().quorum(), 2u);
  v1::ChangeNodesRequest too_few;
  too_few.mutable_voters()->add_node_ids("c");
  EXPECT_EQ(ReasonOf(SettingsDraft(now_, too_few, All(), Scope::kWhole).status()), "CONFLICTING_SETTINGS");
}

}  // namespace
}  // namespace holdfast::primary
