#include "admin/agreement.h"

#include <algorithm>

namespace holdfast::admin {

void Agreement::Observe(const std::string& node_id, const v1::LogPosition& position,
                        const std::string& state_digest) {
  seen_[position.revision()][node_id] = Held{position.chain_hash(), state_digest};
}

Agreement::Verdict Agreement::verdict() const {
  if (!Dissenters().empty()) return Verdict::kDiffer;
  return revision() == 0 ? Verdict::kNotCompared : Verdict::kAgree;
}

int64_t Agreement::revision() const {
  int64_t agreed = 0;
  for (const auto& [revision, nodes] : seen_) {
    const Held& first = nodes.begin()->second;
    if (std::any_of(nodes.begin(), nodes.end(), [&](const auto& node) { return node.second != first; }))
      return revision;
    if (nodes.size() == node_ids_.size()) agreed = revision;
  }
  return agreed;
}

std::vector<std::string> Agreement::Dissenters() const {
  for (const auto& [revision, nodes] : seen_) {
    std::map<Held, int> votes;
    for (const auto& [node_id, held] : nodes) ++votes[held];
    if (votes.size() < 2) continue;
    const Held most = std::max_element(votes.begin(), votes.end(), [](const auto& a, const auto& b) {
                        return a.second < b.second;
                      })->first;
    std::vector<std::string> dissenters;
    for (const auto& [node_id, held] : nodes) {
      if (held != most) dissenters.push_back(node_id);
    }
    return dissenters;
  }
  return {};
}

}  // namespace holdfast::admin
