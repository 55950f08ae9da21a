#include "replication/upstream_policy.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

namespace holdfast::replication {
namespace {

using Candidate = UpstreamPolicy::Candidate;

// Smaller is asked earlier.
std::tuple<bool, bool, bool> Rank(const Candidate& candidate) {
  return {candidate.node_id.empty(), !candidate.same_site, !candidate.is_server};
}

}  // namespace

std::optional<std::string> PrimaryFirst::Next(const std::vector<Candidate>& candidates,
                                              int failed_since_success) {
  const auto primary = std::find_if(candidates.begin(), candidates.end(),
                                    [](const Candidate& candidate) { return candidate.is_primary; });
  std::vector<Candidate> others;
  for (const Candidate& candidate : candidates) {
    if (!candidate.is_primary) others.push_back(candidate);
  }
  std::stable_sort(others.begin(), others.end(),
                   [](const Candidate& a, const Candidate& b) { return Rank(a) < Rank(b); });
  const auto attempt = static_cast<size_t>(failed_since_success);
  if (primary == candidates.end()) {
    if (others.empty()) return std::nullopt;
    return others[attempt % others.size()].peer_address;
  }
  if (others.empty() || attempt < kAttemptsAtPrimary || attempt % 2 == 1) return primary->peer_address;
  return others[(attempt - kAttemptsAtPrimary) / 2 % others.size()].peer_address;
}

}  // namespace holdfast::replication
