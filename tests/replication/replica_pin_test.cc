// The upstream that an operator has chosen by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

using ::testing::HasSubstr;

// p is primary; s is a standby; x and y are proxies.
class ReplicaPinTest : public ReplicaTest {
 protected:
  void Begin(const std::vector<std::string>& voters = {}) {
    Add("p"), Add("s"), Add("x", v1::NODE_KIND_PROXY), Add("y", v1::NODE_KIND_PROXY);
    ASSERT_EQ(Init(voters, 0), absl::OkStatus());
    for (const char* id : {"s", "x", "y"}) ASSERT_TRUE(RunUntilFedBy(id, "p")) << id;
  }
  absl::Status Point(const std::string& id, const std::string& upstream) {
    v1::UpstreamPin pin;
    pin.set_node_id(upstream);
    pin.set_operator_name("olga");
    return node(id).replica().PinUpstream(pin);
  }
  ReplicaView View(const std::string& id) { return node(id).replica().view(); }
  bool RunUntilFedBy(const std::string& id, const std::string& upstream,
                     absl::Duration limit = absl::Seconds(40)) {
    return time_.RunUntil(
        [&] { return View(id).upstream_connected && View(id).upstream_node_id == upstream; }, limit);
  }
};

TEST_F(ReplicaPinTest, AProxyFollowsWhomItIsPointedAtAndStays) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y", absl::Seconds(2)));
  time_.RunFor(absl::Minutes(3));
  EXPECT_EQ(View("x").upstream_node_id, "y") << "the primary is in reach, and not what was wanted";
  EXPECT_TRUE(View("x").pin_followed);
  EXPECT_TRUE(RunUntilShown("x", Commit("p", "k", "1")));
  ASSERT_EQ(Point("x", ""), absl::OkStatus());
  EXPECT_TRUE(RunUntilFedBy("x", "p", absl::Seconds(2)));
  EXPECT_EQ(View("x").pinned_node_id, "");
}

TEST_F(ReplicaPinTest, ItIsKeptOverARestart) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  node("x").Kill();
  node("x").Start();
  EXPECT_TRUE(RunUntilFedBy("x", "y"));
  EXPECT_EQ(node("x").replica().pin().operator_name(), "olga");
}

// What an operator wants at three in the morning.
TEST_F(ReplicaPinTest, WhileTheChosenOneIsGoneTheNodeChoosesByItself) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  node("y").Kill();
  ASSERT_TRUE(RunUntilFedBy("x", "p", absl::Seconds(5)));
  // Fresh all the time: the stream of the primary is not left to look for the dead one.
  for (int i = 0; i < 120; ++i) {
    time_.RunFor(absl::Seconds(1));
    ASSERT_EQ(View("x").upstream_node_id, "p") << i;
    ASSERT_LT(node("x").replica().Staleness().value_or(absl::InfiniteDuration()), absl::Seconds(2)) << i;
  }
  EXPECT_EQ(View("x").pinned_node_id, "y");
  EXPECT_FALSE(View("x").pin_followed);
  EXPECT_NE(View("x").pin_says, "");
  node("y").Start();
  EXPECT_TRUE(RunUntilFedBy("x", "y", absl::Seconds(60))) << "back, and followed again";
}

TEST_F(ReplicaPinTest, AChosenOneThatIsSilentlyCutOffIsLeft) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  for (const char* id : {"p", "x"}) network_.Cut("y", id), network_.Cut(id, "y");
  EXPECT_TRUE(RunUntilFedBy("x", "p", absl::Seconds(20)));
}

TEST_F(ReplicaPinTest, ALoopIsNeverClosed) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  ASSERT_EQ(Point("y", "x"), absl::OkStatus());
  time_.RunFor(absl::Minutes(2));
  // Whoever of the two follows the other, the chain ends at the primary.
  EXPECT_TRUE(View("x").upstream_node_id == "p" || View("y").upstream_node_id == "p")
      << View("x").upstream_node_id << View("y").upstream_node_id;
  const Position last = Commit("p", "k", "1");
  EXPECT_TRUE(RunUntilShown("x", last));
  EXPECT_TRUE(RunUntilShown("y", last));
}

// R12: its acknowledgement is passed on by nobody.
TEST_F(ReplicaPinTest, AVoterFollowsThePrimaryItself) {
  Begin({"x", "s"});
  const absl::Status refused = Point("x", "y");
  EXPECT_EQ(ReasonOf(refused), "CONFLICTING_SETTINGS");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("voter"));
  EXPECT_EQ(Point("x", "p"), absl::OkStatus());
}

TEST_F(ReplicaPinTest, ANodeThatBecomesAVoterGoesBackToThePrimary) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  storage::RecordDraft draft = EpochDraft("p", {"x"}, 1, 0, false);
  draft.kind = v1::RECORD_KIND_SETTINGS;
  draft.epoch.reset();
  const Position rule = Append("p", draft);
  ASSERT_TRUE(RunUntilFedBy("x", "p", absl::Seconds(5)));
  EXPECT_TRUE(RunUntilShown("p", rule)) << "its word counts";
  EXPECT_THAT(View("x").pin_says, HasSubstr("voter"));
}

TEST_F(ReplicaPinTest, OnlyMembersOthersAndFollowersCanBePointedAtOrPointed) {
  Begin();
  EXPECT_EQ(ReasonOf(Point("x", "nobody")), "NOT_A_MEMBER");
  EXPECT_EQ(ReasonOf(Point("x", "x")), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(Point("p", "y")), "CONFLICTING_SETTINGS") << "a primary follows nobody";
}

// A new primary comes first, wherever a node is pointed at.
TEST_F(ReplicaPinTest, ANewEpochIsFollowedAlthoughTheChosenOneIsOfTheOldOne) {
  Begin();
  ASSERT_EQ(Point("x", "y"), absl::OkStatus());
  ASSERT_TRUE(RunUntilFedBy("x", "y"));
  Isolate("p");
  Isolate("y");
  for (const char* id : {"s", "x"}) ASSERT_EQ(GivePromise(id, 1, "s"), absl::OkStatus()) << id;
  node("s").replica().BeginEpoch(1, EpochDraft("s", {}, 0, 1, false), [](const absl::Status&) {});
  ASSERT_EQ(GivePromise("x", 1, "s"), absl::OkStatus());
  EXPECT_TRUE(RunUntilFedBy("x", "s", absl::Seconds(3)));
}

}  // namespace
}  // namespace holdfast::replication
