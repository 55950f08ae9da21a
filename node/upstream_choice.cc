#include "node/upstream_choice.h"

#include <algorithm>
#include <tuple>

namespace holdfast::node {
namespace {

using Candidate = replication::UpstreamPolicy::Candidate;

// Smaller is asked earlier.
std::tuple<bool, bool, bool, std::string> Rank(const Candidate& candidate) {
  return {candidate.node_id.empty(), !candidate.same_site, !candidate.is_server, candidate.peer_address};
}

}  // namespace

std::optional<std::string> UpstreamChoice::Next(const std::vector<Candidate>& candidates,
                                                int failed_since_success) {
  const auto primary = std::find_if(candidates.begin(), candidates.end(),
                                    [](const Candidate& candidate) { return candidate.is_primary; });
  std::vector<Candidate> others;
  for (const Candidate& candidate : candidates) {
    if (!candidate.is_primary) others.push_back(candidate);
  }
  std::sort(others.begin(), others.end(),
            [](const Candidate& a, const Candidate& b) { return Rank(a) < Rank(b); });
  const auto attempt = static_cast<size_t>(failed_since_success);
  if (primary == candidates.end()) {
    if (others.empty()) return std::nullopt;
    return others[attempt % others.size()].peer_address;
  }
  // Two attempts at the primary before the first elsewhere: a restart is not a loss.
  if (others.empty() || attempt < 2 || attempt % 2 == 0) return primary->peer_address;
  return others[(attempt - 3) / 2 % others.size()].peer_address;
}

}  // namespace holdfast::node
