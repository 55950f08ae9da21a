// A voter counts by the rule before it until its removal is committed (R5, R10): so it must be asked and fed.
#include <gmock/gmock.h>

#include "replication/inventory.h"
#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

class LeavingTest : public PromotionTest {
 protected:
  // As `holdfast nodes remove` does it; the rule keeps `voters`.
  Position Remove(const std::string& gone, const std::vector<std::string>& voters, uint32_t quorum) {
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_SETTINGS;
    draft.changes.emplace_back().set_key(replication::NodeKey(gone));
    draft.rule.emplace();
    for (const std::string& voter : voters) {
      draft.rule->add_voters()->set_node_id(voter);
      draft.rule->mutable_voters()->rbegin()->set_incarnation(node(voter).incarnation());
    }
    draft.rule->set_quorum(quorum);
    return Append("p", draft);
  }
  bool HoldsWithin(const std::string& id, const Position& end, absl::Duration patience) {
    return time_.RunUntil([&] { return node(id).store().appended() == end; }, patience);
  }
};

TEST_F(LeavingTest, APromotionAsksAVoterWhoseRemovalIsNotCommitted) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"b", "x"}) Isolate(id);
  const Position removed = Remove("b", {"a"}, 1);
  ASSERT_TRUE(HoldsWithin("a", removed, absl::Seconds(30)));
  ASSERT_LT(node("p").store().visible().revision, removed.revision) << "only one of {a, b, x} holds it";
  for (const char* id : {"p", "x"}) node(id).Kill();
  network_.HealAll();
  const v1::Operation done = Promote("a");
  EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN) << done.DebugString();
  EXPECT_GE(node("a").store().visible().revision, removed.revision) << "with the vote of b";
  EXPECT_TRUE(node("a").replica().CanAdmit().ok());
}

TEST_F(LeavingTest, APrimaryFeedsAVoterWhoseRemovalIsNotCommitted) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "x"}) Isolate(id);
  const Position removed = Remove("b", {"a", "x"}, 1);
  node("x").Kill();
  network_.HealAll();
  EXPECT_TRUE(RunUntilShown("p", removed)) << "a and b hold it";
  EXPECT_TRUE(HoldsWithin("b", removed, absl::ZeroDuration()));
}

TEST_F(LeavingTest, ARestartedPrimaryAsksAVoterWhoseRemovalIsNotCommitted) {
  Begin();
  CommitEverywhere("k");
  for (const char* id : {"a", "b", "x"}) Isolate(id);
  const Position removed = Remove("b", {"a"}, 1);
  node("p").Kill();
  node("x").Kill();
  network_.HealAll();
  node("p").Start();
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").replica().CanAdmit().ok(); }, absl::Seconds(30)))
      << "a and b have answered";
  EXPECT_TRUE(RunUntilShown("p", removed));
}

// Who is gone by a committed record has no vote, and is not asked.
TEST_F(LeavingTest, NobodyIsLeavingOnceTheRemovalIsCommitted) {
  Begin();
  CommitEverywhere("k");
  const Position removed = Remove("b", {"a", "x"}, 1);
  ASSERT_TRUE(RunUntilShown("p", removed));
  ASSERT_TRUE(RunUntilShown("a", removed));
  EXPECT_TRUE(node("p").replica().leaving().empty());
  EXPECT_TRUE(node("a").replica().leaving().empty());
}

}  // namespace
}  // namespace holdfast::failover
