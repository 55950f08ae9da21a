// How old what is shown may be is said of one history, and ends with it.
#include <gtest/gtest.h>

#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

// Hears of a cut before the replica does, as a reader on another thread may.
class BoundAtCut : public storage::StoreObserver {
 public:
  explicit BoundAtCut(TestNode* node) : node_(node) { node->store().AddObserver(this); }

  void OnAppended(absl::Span<const storage::LogRecordPtr>) override {}
  void OnVisible(const Position&) override {}
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {
    ++cuts;
    bound = node_->replica().FreshAt();
  }
  void OnReplaced(const Position&) override {}

  int cuts = 0;
  std::optional<absl::Duration> bound;

 private:
  TestNode* const node_;
};

TEST_F(ReplicaTest, NoReadSeesTheOldBoundWithTheCutLog) {
  Add("p"), Add("a");
  nodes_["s"] = std::make_unique<TestNode>(&time_, &network_, "s", v1::NODE_KIND_SERVER);
  node("s").Start();
  BoundAtCut seen(&node("s"));
  time_.RunFor(absl::Milliseconds(10));
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  const Position common = Commit("p", "k", "both");
  ASSERT_TRUE(RunUntilShown("a", common));
  Isolate("a");
  ASSERT_TRUE(RunUntilShown("s", Commit("p", "k", "lost")));
  time_.RunFor(absl::Seconds(3));
  ASSERT_TRUE(node("s").replica().FreshAt().has_value());
  node("p").Kill();
  network_.HealAll();
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  node("a").replica().BeginEpoch(1, EpochDraft("a", {}, 0, 1, false), [](const absl::Status&) {});
  ASSERT_TRUE(RunUntilShown("s", node("a").store().appended())) << node("s").replica().view().activity;
  EXPECT_EQ(seen.cuts, 1);
  EXPECT_EQ(seen.bound, std::nullopt);
  EXPECT_TRUE(time_.RunUntil([&] { return node("s").replica().FreshAt().has_value(); }, absl::Seconds(5)));
  node("s").store().RemoveObserver(&seen);
}

TEST_F(ReplicaTest, ASnapshotIsShownWithoutTheBoundOfTheOldFile) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", Commit("p", "k", "1")));
  time_.RunFor(absl::Seconds(3));
  ASSERT_TRUE(node("x").replica().FreshAt().has_value());
  Isolate("x");
  for (int i = 0; i < 20; ++i) Commit("p", "k", absl::StrCat(i));
  storage::RecordDraft compact;
  compact.kind = v1::RECORD_KIND_COMPACT;
  compact.compact_floor = Revision(0, 15);
  const Position last = Append("p", compact);
  time_.RunFor(absl::Seconds(10));
  network_.HealAll();
  ASSERT_TRUE(RunUntilShown("x", last)) << node("x").replica().view().activity;
  ASSERT_EQ(node("x").store().floor(), Revision(0, 15));
  EXPECT_EQ(node("x").replica().FreshAt(), std::nullopt) << "no upstream has said anything of this file yet";
  EXPECT_TRUE(time_.RunUntil([&] { return node("x").replica().FreshAt().has_value(); }, absl::Seconds(5)));
}

}  // namespace
}  // namespace holdfast::replication
