#include "replication/upstream_policy.h"

#include <gtest/gtest.h>

namespace holdfast::replication {
namespace {

using Candidate = UpstreamPolicy::Candidate;

std::vector<Candidate> TwoSites() {
  return {{.peer_address = "seed:1", .node_id = ""},
          {.peer_address = "far-proxy:1", .node_id = "fp"},
          {.peer_address = "near-proxy:1", .node_id = "np", .same_site = true},
          {.peer_address = "near-server:1", .node_id = "ns", .same_site = true, .is_server = true},
          {.peer_address = "primary:1", .node_id = "p", .is_primary = true, .is_server = true}};
}

TEST(UpstreamPolicyTest, TriesThePrimarySomeTimesBeforeAnybodyElse) {
  PrimaryFirst choice;
  for (int attempt = 0; attempt < PrimaryFirst::kAttemptsAtPrimary; ++attempt) {
    EXPECT_EQ(choice.Next(TwoSites(), attempt), "primary:1");
  }
}

TEST(UpstreamPolicyTest, TakesTurnsBetweenTheOthersNearestFirstAndThePrimary) {
  PrimaryFirst choice;
  EXPECT_EQ(choice.Next(TwoSites(), 4), "near-server:1");
  EXPECT_EQ(choice.Next(TwoSites(), 5), "primary:1");
  EXPECT_EQ(choice.Next(TwoSites(), 6), "near-proxy:1");
  EXPECT_EQ(choice.Next(TwoSites(), 8), "far-proxy:1");
  EXPECT_EQ(choice.Next(TwoSites(), 10), "seed:1");
  EXPECT_EQ(choice.Next(TwoSites(), 12), "near-server:1");
}

TEST(UpstreamPolicyTest, WithoutAKnownPrimaryAsksEverybodyInTurn) {
  PrimaryFirst choice;
  const std::vector<Candidate> seeds = {{.peer_address = "a:1", .node_id = ""},
                                        {.peer_address = "b:1", .node_id = ""}};
  EXPECT_EQ(choice.Next(seeds, 0), "a:1");
  EXPECT_EQ(choice.Next(seeds, 1), "b:1");
  EXPECT_EQ(choice.Next(seeds, 2), "a:1");
}

TEST(UpstreamPolicyTest, HasNothingToSayWithoutCandidates) {
  PrimaryFirst choice;
  EXPECT_EQ(choice.Next({}, 0), std::nullopt);
}

}  // namespace
}  // namespace holdfast::replication
