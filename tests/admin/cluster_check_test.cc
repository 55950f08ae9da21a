#include "admin/cluster_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace holdfast::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kOk = v1::READINESS_LEVEL_OK;
constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

const absl::Status kAway = MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", "cannot be reached");

// dc1: a (primary) and b. dc2: c and d, both of which could take over.
class ClusterCheckTest : public ::testing::Test {
 protected:
  ClusterCheckTest() {
    view_.cluster.set_primary_node_id("dc1-a");
    for (const char* id : {"dc1-a", "dc1-b", "dc2-a", "dc2-b"}) {
      v1::NodeInfo& info = view_.nodes.emplace_back();
      info.set_node_id(id);
      info.set_site(std::string(id).substr(0, 3));
      info.set_kind(v1::NODE_KIND_SERVER);
      CheckedNode& node = nodes_.emplace_back();
      node.info = info;
      node.report = v1::ReadinessReport();
      node.report->set_node_id(id);
      node.report->set_primary_node_id("dc1-a");
      node.report->set_role(v1::NODE_ROLE_STANDBY);
    }
    nodes_[0].report->set_role(v1::NODE_ROLE_PRIMARY);
    for (int i : {1, 2, 3}) nodes_[i].if_lost = Proven();
  }

  static v1::Plan Proven() {
    v1::Plan plan;
    plan.set_admissible(true);
    plan.set_epoch(66);
    plan.mutable_verdict()->set_kind(v1::VERDICT_KIND_PROVEN);
    plan.mutable_new_rule()->set_quorum(1);
    plan.mutable_new_rule()->add_voters()->set_node_id("dc2-b");
    return plan;
  }
  static v1::Plan Unproven() {
    v1::Plan plan;
    plan.mutable_verdict()->set_kind(v1::VERDICT_KIND_UNKNOWN);
    plan.mutable_verdict()->set_says("only 1 of the 2 promises can be had");
    v1::Check& check = *plan.add_checks();
    check.set_name("promises");
    check.set_outcome(v1::CHECK_OUTCOME_BLOCKED);
    return plan;
  }
  v1::ReadinessItem Cluster(const std::string& check, std::optional<Agreement> agreement = std::nullopt) {
    for (const v1::ReadinessItem& item : ClusterItems(view_, nodes_, agreement)) {
      if (item.check() == check) return item;
    }
    ADD_FAILURE() << check;
    return {};
  }
  v1::ReadinessItem Promotion(int i) { return ItemsOf(nodes_[i], view_).back(); }

  ClusterView view_;
  std::vector<CheckedNode> nodes_;
};

TEST_F(ClusterCheckTest, TheLossOfTheOtherSiteIsWhatAStandbyIsFor) {
  EXPECT_THAT(LostWithThePrimary(view_, view_.nodes[2]), ElementsAre("dc1-a", "dc1-b"));
  EXPECT_THAT(LostWithThePrimary(view_, view_.nodes[1]), ElementsAre("dc1-a"));
  view_.cluster.clear_primary_node_id();
  EXPECT_THAT(LostWithThePrimary(view_, view_.nodes[2]), IsEmpty());
}

TEST_F(ClusterCheckTest, APromotionThatWouldBeProvenIsFine) {
  EXPECT_EQ(Promotion(2).level(), kOk);
  EXPECT_THAT(Promotion(2).seen(),
              HasSubstr("PROVEN 0 with dc1 lost; the next epoch would be 66, its rule 1 of dc2-b"));
  EXPECT_THAT(Promotion(1).seen(), HasSubstr("with 'dc1-a' lost"));
}

TEST_F(ClusterCheckTest, APromotionThatWouldNotBeProvenFails) {
  nodes_[2].if_lost = Unproven();
  EXPECT_EQ(Promotion(2).level(), kFail);
  EXPECT_EQ(Promotion(2).seen(), "UNKNOWN with dc1 lost: only 1 of the 2 promises can be had");
  EXPECT_THAT(Promotion(2).next_command(), HasSubstr("holdfast nodes set --voters"));
}

TEST_F(ClusterCheckTest, ACheckThatWouldBlockAProvenOneFails) {
  nodes_[2].if_lost = Proven();
  (*nodes_[2].if_lost)->set_admissible(false);
  v1::Check& check = *(*nodes_[2].if_lost)->add_checks();
  check.set_name("candidate");
  check.set_outcome(v1::CHECK_OUTCOME_BLOCKED);
  check.set_seen("this incarnation of it was never admitted");
  check.set_needed("a server that a record has admitted");
  EXPECT_EQ(Promotion(2).level(), kFail);
  EXPECT_THAT(Promotion(2).seen(), HasSubstr("the check candidate would block: this incarnation"));
  EXPECT_EQ(Promotion(2).needed(), "a server that a record has admitted");
}

TEST_F(ClusterCheckTest, APlanThatCannotBeHadIsUnknown) {
  nodes_[2].if_lost = absl::StatusOr<v1::Plan>(kAway);
  EXPECT_EQ(Promotion(2).level(), kUnknown);
  nodes_[2].report = kAway;
  nodes_[2].if_lost.reset();
  const auto items = ItemsOf(nodes_[2], view_);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].check(), "reached");
  EXPECT_EQ(items[0].level(), kUnknown);
}

TEST_F(ClusterCheckTest, ThereIsOnePrimary) {
  EXPECT_EQ(Cluster("primary").level(), kOk);
  EXPECT_EQ(Cluster("primary").seen(), "'dc1-a' is primary of epoch 0");
  nodes_[3].report->set_primary_node_id("dc2-a");
  EXPECT_EQ(Cluster("primary").level(), kWarn);
  EXPECT_THAT(Cluster("primary").seen(), HasSubstr("'dc2-b' follow another one"));
  nodes_[2].report->set_role(v1::NODE_ROLE_PRIMARY);
  EXPECT_EQ(Cluster("primary").level(), kFail);
  EXPECT_THAT(Cluster("primary").seen(), HasSubstr("'dc1-a', 'dc2-a' each act as primary"));
}

TEST_F(ClusterCheckTest, WithoutAPrimaryThePromotionThatIsProvenComesNext) {
  nodes_[0].report = kAway;
  EXPECT_EQ(Cluster("primary").level(), kFail);
  EXPECT_THAT(Cluster("primary").seen(), HasSubstr("the last one known is 'dc1-a'"));
  nodes_[1].report = kAway;
  nodes_[1].if_lost.reset();
  EXPECT_EQ(Cluster("primary").next_command(), "holdfast promote dc2-a --dry-run");
}

TEST_F(ClusterCheckTest, TwoStandbysOfAnotherSiteShouldBeAbleToTakeOver) {
  EXPECT_EQ(Cluster("site-loss").level(), kOk);
  EXPECT_THAT(Cluster("site-loss").seen(), HasSubstr("with dc1 lost, 'dc2-a', 'dc2-b' could take over"));
  nodes_[2].if_lost = Unproven();
  EXPECT_EQ(Cluster("site-loss").level(), kWarn);
  nodes_[3].if_lost = Unproven();
  EXPECT_EQ(Cluster("site-loss").level(), kFail);
  nodes_[3].report = kAway;  // perhaps that one could
  EXPECT_EQ(Cluster("site-loss").level(), kUnknown);
}

TEST_F(ClusterCheckTest, NodesThatDifferFailAndNodesThatAreNotComparedDoNot) {
  const auto observe = [](Agreement& agreement, const std::string& id, const std::string& digest) {
    v1::LogPosition position;
    position.set_revision(5);
    agreement.Observe(id, position, digest);
  };
  Agreement agreement({"dc1-a", "dc2-a"});
  EXPECT_EQ(Cluster("agreement", agreement).level(), kWarn);
  observe(agreement, "dc1-a", "one");
  observe(agreement, "dc2-a", "one");
  EXPECT_EQ(Cluster("agreement", agreement).seen(), "all that were asked are equal at 0.5");
  observe(agreement, "dc2-a", "two");
  EXPECT_EQ(Cluster("agreement", agreement).level(), kFail);
  EXPECT_EQ(Cluster("agreement", agreement).next_command(), "holdfast verify --deep");
}

TEST_F(ClusterCheckTest, AFailureCountsMoreThanWhatIsNotKnown) {
  const auto items = [](std::vector<v1::ReadinessLevel> levels) {
    std::vector<v1::ReadinessItem> items;
    for (const auto level : levels) items.emplace_back().set_level(level);
    return items;
  };
  EXPECT_EQ(WorstOf(items({kOk, kFail, kUnknown, kWarn})), kFail);
  EXPECT_EQ(WorstOf(items({kOk, kUnknown, kWarn})), kUnknown);
  EXPECT_EQ(WorstOf(items({kOk, kWarn})), kWarn);
  EXPECT_EQ(WorstOf({}), kOk);
  EXPECT_EQ(ExitCodeOf(kOk), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(kWarn), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(kFail), ExitCode::kNegative);
  EXPECT_EQ(ExitCodeOf(kUnknown), ExitCode::kNotAsked);
}

}  // namespace
}  // namespace holdfast::admin
