// The counterexamples of the model (docs/counterexamples.md: F1 to F22) that need a whole promotion: each
// test replays the situation that breaks a protocol without the rule, with real replicas, stores and the
// real driver.
#include <gmock/gmock.h>

#include <map>

#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class CounterexampleTest : public PromotionTest {
 protected:
  // p, a and b are servers, x is a proxy.
  void BeginFour(const std::vector<std::string>& voters, uint32_t quorum) {
    for (const char* id : {"p", "a", "b"}) Add(id);
    Add("x", v1::NODE_KIND_PROXY);
    const auto begun = Init(voters, quorum);
    ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
    const Position first = Commit("p", "k", "1");
    for (const char* id : {"a", "b", "x"}) ASSERT_TRUE(RunUntilShown(id, first)) << id;
  }
  void CutBothWays(const std::string& one, const std::string& other) {
    network_.Cut(one, other);
    network_.Cut(other, one);
    network_.Reset(one, other);
  }
  static v1::Overrides UnknownLoss() {
    v1::Overrides overrides;
    overrides.set_accept_unknown_loss(true);
    return overrides;
  }
  // A change of the rule alone, as the commit path makes it.
  Position AppendRule(const std::string& id, const std::vector<std::string>& voters, uint32_t quorum) {
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_SETTINGS;
    draft.rule.emplace();
    for (const std::string& voter : voters) {
      draft.rule->add_voters()->set_node_id(voter);
      draft.rule->mutable_voters()->rbegin()->set_incarnation(node(voter).incarnation());
    }
    draft.rule->set_quorum(quorum);
    return Append(id, draft);
  }
  size_t Epochs(const std::string& id) { return replication::EpochStarts(node(id).store()).size(); }
  bool Has(const std::string& id, const Position& position) {
    const auto own = node(id).store().PositionAt(position.revision);
    return own.ok() && *own && **own == position;
  }
};

// F2: an override on one side, proven promotions on both afterwards. Plain numbers would meet.
TEST_F(CounterexampleTest, AnOverrideAndProvenPromotionsBesideItNeverShareAnEpoch) {
  BeginFour({"a", "b"}, 2);
  for (const char* here : {"p", "x"}) {
    for (const char* there : {"a", "b"}) CutBothWays(here, there);
  }
  const v1::Operation forced = Promote("p", UnknownLoss(), v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  ASSERT_GT(forced.epoch_revision(), 0) << forced.DebugString();
  const v1::Operation proven = Promote("a");
  ASSERT_EQ(proven.verdict().kind(), v1::VERDICT_KIND_PROVEN) << proven.DebugString();
  // F4: it speaks of its own epoch, and of what it cannot know.
  EXPECT_THAT(proven.verdict().says(),
              AllOf(HasSubstr("acknowledged as replicated in epoch 0"), HasSubstr("forced elsewhere")));
  // Under its new rule {x} p is proven too: its voters have gone on to another epoch.
  ASSERT_TRUE(GivePromise("x", 130, "p").ok());
  ASSERT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_SUSPENDED; }, absl::Seconds(30)));
  const v1::Operation again = Promote("p", {}, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  EXPECT_EQ(again.verdict().kind(), v1::VERDICT_KIND_PROVEN) << again.DebugString();
  EXPECT_EQ(forced.plan().epoch() % kEpochSlots, 0u);
  EXPECT_EQ(again.plan().epoch() % kEpochSlots, 0u);
  EXPECT_EQ(proven.plan().epoch() % kEpochSlots, 1u);
}

// F3: P goes local without its voters, then strict under others. What the spell skipped must still be met.
TEST_F(CounterexampleTest, ALocalSpellWithoutTheOldVotersAcknowledgesNothingNorDoesWhatFollowsIt) {
  BeginFour({"a", "b"}, 1);
  const Position before = node("p").store().visible();
  CutBothWays("p", "a");
  CutBothWays("p", "b");
  AppendRule("p", {}, 0);
  AppendRule("p", {"x"}, 1);
  const Position last = Commit("p", "k", "2");
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == last; }, absl::Seconds(30)));
  time_.RunFor(absl::Seconds(5));
  EXPECT_EQ(node("p").store().visible(), before);
  EXPECT_EQ(node("x").store().visible(), before);
}

// F9: x has set its log aside; by its name it would count, and a alone decide.
TEST_F(CounterexampleTest, AVoterThatSetItsLogAsideCountsForNothingUntilARecordAdmitsIt) {
  Begin();
  CommitEverywhere("k");
  ASSERT_TRUE(node("x").store().node().RenewIncarnation("its log was set aside").ok());
  node("x").Kill();
  node("x").Start();
  time_.RunFor(absl::Seconds(2));
  Isolate("p");
  node("b").Kill();
  const v1::Plan plan = PlanAt("a");
  EXPECT_FALSE(plan.admissible());
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
  const v1::Operation done = Promote("a", UnknownLoss());
  ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
  // The EPOCH record has admitted it: from here on it counts.
  const v1::DurabilityRule rule = *replication::NewestEpoch(node("a").store())->rule;
  const auto is_x = [this](const v1::Voter& voter) { return voter.incarnation() == node("x").incarnation(); };
  EXPECT_EQ(std::count_if(rule.voters().begin(), rule.voters().end(), is_x), 1) << rule.DebugString();
}

// F11: x has a change of the rule that nobody else has heard of. What it names must promise too.
TEST_F(CounterexampleTest, ARuleThatIsHarvestedMustBeMetToo) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "z"}) CutBothWays("p", id);
  const Position change = AppendRule("p", {"z"}, 1);
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == change; }, absl::Seconds(30)));
  Isolate("p");
  const v1::Plan plan = PlanAt("a");
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  // All that is asked of the rule that a knows, and nobody of the one that it is about to learn.
  node("z").Kill();
  const v1::Operation ended = End(*Start("a", Of(plan)));
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_ROLLED_BACK) << ended.DebugString();
  EXPECT_EQ(ended.error_reason(), "VERDICT_WORSE");
  ASSERT_EQ(ended.verdict().rules_size(), 2);
  node("z").Start();
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
  EXPECT_TRUE(Has("a", change));
}

// F13: what z has of the lost primary's log is longer than the new epoch's; b has neither.
TEST_F(CounterexampleTest, ALaterEpochIsChosenBeforeALongerLog) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "x"}) {
    for (const char* other : {"p", "z"}) CutBothWays(id, other);
  }
  Position orphan;
  for (int i = 0; i < 5; ++i) orphan = Commit("p", "orphan", std::to_string(i));
  ASSERT_TRUE(time_.RunUntil([&] { return node("z").store().appended() == orphan; }, absl::Seconds(10)));
  node("p").Kill();
  for (const char* id : {"a", "x"}) CutBothWays("b", id);
  const v1::Operation first = Promote("a");
  ASSERT_GT(first.epoch_revision(), 0) << first.DebugString();
  ASSERT_TRUE(Follows("x", "a"));
  const Position kept = node("a").store().appended();
  ASSERT_GT(orphan.revision.index(), kept.revision.index()) << "longer, and not higher";
  Isolate("a");
  for (const char* id : {"b", "x", "z"}) {
    for (const char* other : {"b", "x", "z"}) {
      network_.Heal(id, other);
      network_.Heal(other, id);
    }
  }
  const v1::Operation done = Promote("b");
  EXPECT_TRUE(Has("b", kept)) << done.DebugString();
  EXPECT_FALSE(Has("b", orphan));
  EXPECT_TRUE(Follows("x", "b"));
  EXPECT_TRUE(Follows("z", "b"));
}

// F13: an EPOCH record that nobody finished may have been finished by its owner, who is dead: it is kept.
TEST_F(CounterexampleTest, AnUnfinishedPromotionIsKeptByTheNextOne) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  auto running = Start("a", Of(PlanAt("a")));
  running->on_step = [this](const std::string& step) {
    if (step != "open") return;
    for (const char* id : {"b", "z"}) CutBothWays("a", id);
  };
  ASSERT_TRUE(RunUntilStep(*running, "open"));
  const Position record = node("a").store().appended();
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == record; }, absl::Seconds(30)));
  running.reset();
  node("a").Kill();
  const v1::Operation done = Promote("b");
  EXPECT_EQ(done.harvested_from(), "x") << done.DebugString();
  EXPECT_TRUE(Has("b", record));
  EXPECT_EQ(Epochs("b"), 3u);
}

// F15: who has promised itself a higher epoch no longer acts for its lower one.
TEST_F(CounterexampleTest, APrimaryThatIsItsOwnCandidateAdmitsNothingUntilItsRecord) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "x", "z"}) CutBothWays("p", id);
  v1::Overrides overrides = UnknownLoss();
  overrides.set_accept_local(true);
  const v1::Plan plan = PlanAt("p", overrides, v1::OPERATION_KIND_PROMOTE_IN_PLACE);
  ASSERT_TRUE(plan.admissible()) << plan.DebugString();
  auto running = Start("p", Of(plan));
  std::map<std::string, std::string> admits;
  running->on_step = [&](const std::string& step) {
    admits[step] = ReasonOf(node("p").replica().CanAdmit());
  };
  End(*running);
  EXPECT_EQ(admits["promise-self"], "") << "it has not promised yet";
  for (const char* step : {"promises", "judge", "epoch"}) EXPECT_EQ(admits[step], "SUSPENDED") << step;
}

// F18 [apply_harvest]: what was harvested is shown to nobody before the EPOCH record is committed.
TEST_F(CounterexampleTest, ANewPrimaryShowsNothingOfTheHarvestBeforeItsRecordIsCommitted) {
  Begin();
  const Position known = CommitEverywhere("k");
  const Position harvest = CommitOnlyAtX();
  auto running = Start("a", Of(PlanAt("a")));
  running->on_step = [this](const std::string& step) {
    if (step != "open") return;
    for (const char* id : {"b", "x", "z"}) CutBothWays("a", id);
  };
  ASSERT_TRUE(RunUntilStep(*running, "open"));
  ASSERT_TRUE(Has("a", harvest));
  time_.RunFor(absl::Seconds(5));
  EXPECT_EQ(node("a").store().visible(), known);
  for (const char* id : {"b", "x", "z"}) {
    network_.Heal("a", id);
    network_.Heal(id, "a");
  }
  EXPECT_EQ(End(*running).state(), v1::OPERATION_STATE_DONE) << running->promotion->operation().DebugString();
  EXPECT_GT(node("a").store().visible().revision, harvest.revision);
}

// F8: committed, and known to nobody but the new primary. Whoever switches the old voters off now loses the
// proof.
TEST_F(CounterexampleTest, APromotionIsNotDoneBeforeItsVotersKnowThatTheyAreVoters) {
  Begin();
  CommitEverywhere("k");
  Isolate("p");
  auto running = Start("a", Of(PlanAt("a")));
  running->on_step = [this](const std::string& step) {
    if (step != "converge") return;
    for (const char* id : {"b", "x", "z"}) CutBothWays("a", id);
  };
  const v1::Operation ended = End(*running);
  EXPECT_EQ(ended.state(), v1::OPERATION_STATE_INCOMPLETE) << ended.DebugString();
  EXPECT_THAT(ended.remains(), ::testing::Contains(HasSubstr("switch nothing off")));
  running.reset();
  Unite("a");
  Isolate("p");
  auto again = Start("a", ended);
  time_.RunFor(absl::Milliseconds(1));
  EXPECT_EQ(End(*again).state(), v1::OPERATION_STATE_DONE) << again->promotion->operation().DebugString();
}

// F8, F21: once it is DONE, the old voters that are none any more are needed by nobody.
// F20, F22: the new rule does not name its primary, is as wide as the old one, and bears one more loss.
TEST_F(CounterexampleTest, AfterAPromotionOneMoreLossIsStillProven) {
  for (const char* lost : {"b", "x", "z"}) {
    SCOPED_TRACE(lost);
    BeginAnew();
    CommitEverywhere("k");
    Isolate("p");
    const v1::Operation done = Promote("a");
    ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
    const v1::DurabilityRule rule = *replication::NewestEpoch(node("a").store())->rule;
    EXPECT_EQ(rule.voters_size(), 3);
    EXPECT_EQ(rule.quorum(), 2u);
    for (const v1::Voter& voter : rule.voters()) EXPECT_NE(voter.node_id(), "a");
    node(lost).Kill();
    const Position last = Commit("a", "k", "2");
    ASSERT_TRUE(RunUntilShown("a", last)) << "commits bear it";
    node("a").Kill();
    if (std::string(lost) == "b") continue;  // no server is left
    const v1::Operation next = Promote("b");
    EXPECT_EQ(next.verdict().kind(), v1::VERDICT_KIND_PROVEN) << next.DebugString();
    EXPECT_TRUE(Has("b", last));
  }
}

// F22: the default of a pair, for comparison: one more loss is UNKNOWN, and the plan says so.
TEST_F(CounterexampleTest, APairWithOneMoreLossIsUnknown) {
  Begin({"a", "b"}, 1);
  CommitEverywhere("k");
  Isolate("p");
  node("b").Kill();
  const v1::Plan plan = PlanAt("a");
  EXPECT_EQ(plan.verdict().kind(), v1::VERDICT_KIND_UNKNOWN);
  EXPECT_FALSE(plan.admissible());
}

}  // namespace
}  // namespace holdfast::failover
