#include "replication/upstream_policy.h"

#include <algorithm>

namespace holdfast::replication {
namespace {

int Rank(const UpstreamPolicy::Candidate& candidate) {
  if (candidate.is_primary) return 0;
  return 1 + (candidate.is_server ? 0 : 1) + (candidate.same_site ? 0 : 2);
}

}  // namespace

std::optional<std::string> PrimaryFirst::Next(const std::vector<Candidate>& candidates,
                                              int failed_since_success) {
  if (candidates.empty()) return std::nullopt;
  std::vector<Candidate> order = candidates;
  std::stable_sort(order.begin(), order.end(),
                   [](const Candidate& a, const Candidate& b) { return Rank(a) < Rank(b); });
  return order[static_cast<size_t>(failed_since_success) % order.size()].peer_address;
}

}  // namespace holdfast::replication
