#include "rpc/peer_identity.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace holdfast::rpc {
namespace {

constexpr absl::string_view kNodeUri = "holdfast://node/";
constexpr absl::string_view kOperatorUri = "holdfast://operator/";
constexpr absl::string_view kAnyNode = "*";

}  // namespace

void PeerIdentity::AddName(absl::string_view name) {
  if (principal.empty()) principal = std::string(name);
  if (absl::StartsWith(name, kNodeUri) && name.size() > kNodeUri.size()) {
    node_ids.emplace_back(name.substr(kNodeUri.size()));
  }
  if (absl::StartsWith(name, kOperatorUri)) is_operator = is_operator || name.size() > kOperatorUri.size();
}

bool PeerIdentity::IsNode(absl::string_view node_id) const {
  return std::any_of(node_ids.begin(), node_ids.end(),
                     [node_id](const std::string& named) { return named == node_id || named == kAnyNode; });
}

}  // namespace holdfast::rpc
