#include "admin/init_cluster.h"

#include <algorithm>

#include "admin/errors.h"
#include "base/status_macros.h"

namespace holdfast::admin {

absl::StatusOr<v1::InitResponse> InitCluster(Context& context, const std::vector<v1::NodeSpec>& nodes,
                                             const std::string& primary, std::optional<uint32_t> quorum) {
  v1::InitRequest request;
  std::vector<std::string> ids;
  std::string address;
  uint32_t voters = 0;
  for (const v1::NodeSpec& node : nodes) {
    *request.add_nodes() = node;
    ids.push_back(node.node_id());
    voters += node.voter();
    if (node.node_id() == primary) address = node.peer_address();
  }
  if (address.empty()) return UnknownNodeError(primary, ids);
  request.set_quorum(quorum.value_or(voters == 0 ? 0 : voters / 2 + 1));
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  return admin->Init(address, request, context.deadline());
}

}  // namespace holdfast::admin
