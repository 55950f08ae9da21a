#include "serving/read_gate.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace holdfast::serving {
namespace {

const LostHistory kHistory({Revision(0, 1), Revision(1, 51)});
const NodeFacts kFacts{{Revision(1, 100), absl::Seconds(9)}, Revision(0, 20), absl::Seconds(10)};

std::string Refusal(const ReadDemands& demands, const NodeFacts& facts = kFacts) {
  return ReasonOf(DecideRead(demands, facts, kHistory).status());
}

ReadDecision Decision(const ReadDemands& demands) {
  const auto decision = DecideRead(demands, kFacts, kHistory);
  EXPECT_TRUE(decision.ok()) << decision.status();
  return decision.value_or(ReadDecision{});
}

ReadDemands AtLeast(Revision revision) {
  ReadDemands demands;
  demands.min_revision = revision;
  return demands;
}

ReadDemands At(Revision revision) {
  ReadDemands demands;
  demands.at_revision = revision;
  return demands;
}

ReadDemands NotOlderThan(absl::Duration age) {
  ReadDemands demands;
  demands.max_staleness = age;
  return demands;
}

TEST(ReadGateTest, ReadsAtTheVisibleRevision) {
  EXPECT_FALSE(Decision({}).wait);
  EXPECT_EQ(Decision({}).revision, kFacts.shown.revision);
}

TEST(ReadGateTest, WaitsForAMinimumThatIsNotVisibleYet) {
  EXPECT_FALSE(Decision(AtLeast(Revision(1, 100))).wait);
  EXPECT_TRUE(Decision(AtLeast(Revision(1, 101))).wait);
  EXPECT_EQ(Decision(AtLeast(Revision(2, 90))).revision, Revision(2, 90));
}

TEST(ReadGateTest, TellsAClientThatSawALostHistory) {
  const absl::Status status = DecideRead(AtLeast(Revision(0, 60)), kFacts, kHistory).status();
  EXPECT_EQ(ReasonOf(status), "REWOUND");
  EXPECT_EQ(DetailOf(status, "common_revision"), "50");
  EXPECT_EQ(Refusal(At(Revision(0, 51))), "REWOUND");
}

TEST(ReadGateTest, ReadsRetainedRevisionsOnly) {
  EXPECT_EQ(Decision(At(Revision(0, 20))).revision, Revision(0, 20));
  EXPECT_EQ(Refusal(At(Revision(0, 19))), "COMPACTED");
  EXPECT_EQ(Refusal(At(Revision(1, 101))), "FUTURE_REVISION");
}

TEST(ReadGateTest, LaterPagesWaitForTheRevisionOfTheFirst) {
  ReadDemands demands = At(Revision(1, 101));
  demands.may_wait_for_at = true;
  EXPECT_TRUE(Decision(demands).wait);
}

TEST(ReadGateTest, RefusesToBeOlderThanAskedOrOfUnknownAge) {
  EXPECT_EQ(Refusal(NotOlderThan(absl::Milliseconds(999))), "STALE");
  EXPECT_EQ(Refusal(NotOlderThan(absl::Seconds(1))), "");
  NodeFacts unknown = kFacts;
  unknown.shown.fresh_at.reset();
  EXPECT_EQ(Refusal(NotOlderThan(absl::Hours(1)), unknown), "STALE");
  EXPECT_EQ(Refusal({}, unknown), "");
}

TEST(ReadGateTest, RefusesNegativeDemands) {
  v1::ReadOptions options;
  options.set_min_revision(-1);
  EXPECT_EQ(ReasonOf(ReadDemands::From(options).status()), "INVALID_REQUEST");
  options.set_min_revision(0);
  options.mutable_max_staleness()->set_seconds(-1);
  EXPECT_EQ(ReasonOf(ReadDemands::From(options).status()), "INVALID_REQUEST");
}

}  // namespace
}  // namespace holdfast::serving
