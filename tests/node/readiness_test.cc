// The rating of nodes over real replicas and stores, on memory disks and a simulated network.
#include "node/readiness.h"

#include <gmock/gmock.h>

#include "node/rating_records.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::node {
namespace {

using ::testing::HasSubstr;

// p is primary; a and b vote for it, and so does the proxy x.
class ReadinessTest : public replication::ReplicaTest {
 protected:
  void Begin() {
    for (const char* id : {"p", "a", "b"}) Add(id);
    Add("x", v1::NODE_KIND_PROXY);
    const auto begun = Init({"a", "b", "x"}, 2);
    ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
    for (const char* id : {"a", "b", "x"}) ASSERT_TRUE(RunUntilShown(id, node("p").store().visible())) << id;
  }
  std::unique_ptr<Readiness> Make(const std::string& id) {
    replication::TestNode& at = node(id);
    Readiness::Options options;
    options.store = &at.store();
    options.replica = &at.replica();
    options.transport = &at.transport();
    options.files = &at.files();
    options.strand = &at.strand();
    options.clock = at.clock();
    options.node_id = id;
    options.site = "dc1";
    options.kind = at.kind();
    options.version = "";
    options.on_worse = [this](const v1::ReadinessItem& item) { worse_.push_back(item); };
    return std::make_unique<Readiness>(std::move(options));
  }
  v1::ReadinessReport Look(Readiness& readiness) {
    std::optional<v1::ReadinessReport> report;
    readiness.Look([&](v1::ReadinessReport now) { report = std::move(now); });
    EXPECT_TRUE(time_.RunUntil([&] { return report.has_value(); }, absl::Seconds(5)));
    return report.value_or(v1::ReadinessReport());
  }
  static v1::ReadinessItem Item(const v1::ReadinessReport& report, const std::string& check) {
    for (const v1::ReadinessItem& item : report.items()) {
      if (item.check() == check) return item;
    }
    ADD_FAILURE() << "no item " << check;
    return {};
  }

  std::vector<v1::ReadinessItem> worse_;
};

TEST_F(ReadinessTest, AStandbyComparesItsLogWithWhoeverFeedsIt) {
  Begin();
  const auto readiness = Make("a");
  const v1::ReadinessReport report = Look(*readiness);
  EXPECT_EQ(report.node_id(), "a");
  EXPECT_EQ(report.role(), v1::NODE_ROLE_STANDBY);
  EXPECT_EQ(report.primary_node_id(), "p");
  EXPECT_EQ(Item(report, "digest").level(), v1::READINESS_LEVEL_OK) << report.DebugString();
  EXPECT_THAT(Item(report, "digest").seen(), HasSubstr("equals 'p' at "));
  EXPECT_EQ(Item(report, "position").level(), v1::READINESS_LEVEL_OK) << report.DebugString();
  EXPECT_EQ(Item(report, "vote").level(), v1::READINESS_LEVEL_OK) << report.DebugString();
  EXPECT_EQ(Item(report, "version").level(), v1::READINESS_LEVEL_OK) << report.DebugString();
  readiness->Stop();
}

TEST_F(ReadinessTest, APrimarySeesItsVoters) {
  Begin();
  const auto readiness = Make("p");
  const v1::ReadinessReport report = Look(*readiness);
  EXPECT_EQ(report.role(), v1::NODE_ROLE_PRIMARY);
  EXPECT_THAT(Item(report, "vote").seen(), HasSubstr("3 of 3 voters follow closely"));
  readiness->Stop();
}

TEST_F(ReadinessTest, ItLooksByItselfAndTellsWhatGetsWorseOnce) {
  Begin();
  const auto readiness = Make("a");
  node("a").strand().Post([&] { readiness->Start(); });
  time_.RunFor(absl::Seconds(2));
  const v1::ReadinessReport before = Look(*readiness);
  EXPECT_TRUE(worse_.empty());
  node("b").Kill();
  time_.RunFor(4 * Readiness::kServerInterval);
  ASSERT_EQ(worse_.size(), 1u);
  EXPECT_EQ(worse_[0].check(), "pair");
  EXPECT_THAT(worse_[0].seen(), HasSubstr("'b' cannot be reached"));
  const v1::ReadinessReport after = Look(*readiness);
  EXPECT_GT(Item(after, "pair").since().seconds(), Item(before, "pair").since().seconds());
  EXPECT_EQ(Item(after, "vote").since().seconds(), Item(before, "vote").since().seconds());
  readiness->Stop();
}

TEST_F(ReadinessTest, WithThePrimaryGoneTheAgeGrowsUntilItFails) {
  Begin();
  const auto readiness = Make("a");
  Look(*readiness);
  node("p").Kill();
  time_.RunFor(absl::Seconds(10));
  EXPECT_EQ(Item(Look(*readiness), "position").level(), v1::READINESS_LEVEL_WARN);
  time_.RunFor(absl::Seconds(60));
  const v1::ReadinessItem position = Item(Look(*readiness), "position");
  EXPECT_EQ(position.level(), v1::READINESS_LEVEL_FAIL) << position.DebugString();
  EXPECT_EQ(position.next_command(), "holdfast promote a --dry-run");
  readiness->Stop();
}

TEST_F(ReadinessTest, WhatIsKeptInNodeDbIsShown) {
  Begin();
  const auto readiness = Make("a");
  EXPECT_THAT(Item(Look(*readiness), "drill").seen(), HasSubstr("never rehearsed"));
  v1::Drill drill;
  drill.set_state(v1::DRILL_STATE_PASSED);
  drill.mutable_last_passed()->set_seconds(absl::ToUnixSeconds(node("a").clock()->Now()));
  ASSERT_TRUE(WriteDrill(node("a").store().node(), drill).ok());
  const v1::ReadinessReport report = Look(*readiness);
  EXPECT_EQ(Item(report, "drill").level(), v1::READINESS_LEVEL_OK);
  EXPECT_EQ(report.drill().state(), v1::DRILL_STATE_PASSED);
  readiness->Stop();
}

TEST_F(ReadinessTest, WhoeverWaitsIsAnsweredWhenItStops) {
  Begin();
  const auto readiness = Make("a");
  const v1::ReadinessReport known = Look(*readiness);
  int answered = 0;
  const auto count = [&](const v1::ReadinessReport& report) {
    ++answered;
    EXPECT_EQ(report.items_size(), known.items_size());
  };
  readiness->Look(count);
  readiness->Stop();
  EXPECT_EQ(answered, 1);
  readiness->Look(count);
  EXPECT_EQ(answered, 2);
  time_.RunFor(absl::Seconds(30));  // nothing is begun any more
  EXPECT_EQ(answered, 2);
}

}  // namespace
}  // namespace holdfast::node
