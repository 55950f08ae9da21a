#include "node/upstream_choice.h"

#include <gtest/gtest.h>

namespace holdfast::node {
namespace {

using Candidate = replication::UpstreamPolicy::Candidate;

std::vector<Candidate> TwoSites() {
  return {{.peer_address = "seed:1"},
          {.peer_address = "far-proxy:1", .node_id = "fp"},
          {.peer_address = "near-proxy:1", .node_id = "np", .same_site = true},
          {.peer_address = "near-server:1", .node_id = "ns", .same_site = true, .is_server = true},
          {.peer_address = "primary:1", .node_id = "p", .is_primary = true, .is_server = true}};
}

TEST(UpstreamChoiceTest, AsksThePrimaryFirstAndOnceMore) {
  UpstreamChoice choice;
  EXPECT_EQ(choice.Next(TwoSites(), 0), "primary:1");
  EXPECT_EQ(choice.Next(TwoSites(), 1), "primary:1");
}

TEST(UpstreamChoiceTest, TakesTurnsBetweenThePrimaryAndTheOthersNearestFirst) {
  UpstreamChoice choice;
  EXPECT_EQ(choice.Next(TwoSites(), 2), "primary:1");
  EXPECT_EQ(choice.Next(TwoSites(), 3), "near-server:1");
  EXPECT_EQ(choice.Next(TwoSites(), 4), "primary:1");
  EXPECT_EQ(choice.Next(TwoSites(), 5), "near-proxy:1");
  EXPECT_EQ(choice.Next(TwoSites(), 7), "far-proxy:1");
  EXPECT_EQ(choice.Next(TwoSites(), 9), "seed:1");
  EXPECT_EQ(choice.Next(TwoSites(), 11), "near-server:1");
}

TEST(UpstreamChoiceTest, WithoutAKnownPrimaryAsksEverybodyInTurn) {
  UpstreamChoice choice;
  const std::vector<Candidate> seeds = {{.peer_address = "a:1"}, {.peer_address = "b:1"}};
  EXPECT_EQ(choice.Next(seeds, 0), "a:1");
  EXPECT_EQ(choice.Next(seeds, 1), "b:1");
  EXPECT_EQ(choice.Next(seeds, 2), "a:1");
}

TEST(UpstreamChoiceTest, HasNothingToSayWithoutCandidates) {
  UpstreamChoice choice;
  EXPECT_EQ(choice.Next({}, 0), std::nullopt);
}

}  // namespace
}  // namespace holdfast::node
