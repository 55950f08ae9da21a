#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/context.h"
#include "holdfast/v1/admin.pb.h"
#include "holdfast/v1/record.pb.h"

namespace holdfast::admin {

// What the cluster knows of itself, read from `_holdfast/` at any node that answers clients: one live node's
// address is enough to find the rest, with the primary dead. A plain value.
struct ClusterView {
  v1::ClusterInfo cluster;
  std::vector<v1::NodeInfo> nodes;  // in node id order

  const v1::NodeInfo* Find(const std::string& node_id) const;
  const v1::NodeInfo* Primary() const { return Find(cluster.primary_node_id()); }
  std::vector<std::string> NodeIds() const;
};

// UNREACHABLE if nobody can be asked. Where nobody answers clients, a playground's cluster.json stands in.
absl::StatusOr<ClusterView> ReadClusterView(Context& context);

// What each node says of itself, in the order of `nodes`, asked all at once.
std::vector<absl::StatusOr<v1::StatusResponse>> AskStatus(NodeAdmin& admin,
                                                          const std::vector<v1::NodeInfo>& nodes,
                                                          absl::Duration timeout);

// Runs `ask(i)` for each i below `count`, several at a time, and returns when all are done.
void AskAll(size_t count, const std::function<void(size_t)>& ask);

// "dc2-a, dc2-b, dc2-p1".
std::string ShowVoters(const v1::DurabilityRule& rule);
// "2 of dc2-a, dc2-b, dc2-p1"; "local (q = 0)".
std::string ShowRule(const v1::DurabilityRule& rule);

// Why a node gave no answer, in few words: "cannot be reached", or the reason it gave.
std::string ShowNoAnswer(const absl::Status& status);

// Who is primary by the nodes' own words, the highest epoch winning; empty if nobody knows one.
std::string PrimaryPeerAddress(const std::vector<absl::StatusOr<v1::StatusResponse>>& answers);

// Where the primary is asked: by the newest word that any node has of it, else by the inventory; empty if
// nobody knows one.
std::string PrimaryAddress(NodeAdmin& admin, const ClusterView& view, absl::Duration timeout);

}  // namespace holdfast::admin
