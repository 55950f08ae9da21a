#include "tests/sim/sim_upstream.h"

namespace holdfast::sim {

std::optional<std::string> SimUpstream::Next(const std::vector<Candidate>& candidates,
                                             int failed_since_success) {
  std::vector<const Candidate*> others;
  const Candidate* primary = nullptr;
  for (const Candidate& candidate : candidates) {
    if (candidate.peer_address == plan_.node_id) continue;
    others.push_back(&candidate);
    if (candidate.is_primary) primary = &candidate;
  }
  if (others.empty()) return std::nullopt;
  const bool by_chance = (!is_voter_() && random_->Below(2) == 0) || failed_since_success % 2 == 1;
  if (primary != nullptr && !by_chance) return primary->peer_address;
  return others[random_->Below(others.size())]->peer_address;
}

}  // namespace holdfast::sim
