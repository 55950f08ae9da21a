#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "admin/agreement.h"
#include "admin/cluster_view.h"
#include "admin/exit_code.h"
#include "holdfast/v1/operation.pb.h"
#include "holdfast/v1/readiness.pb.h"

// What only somebody sees who has asked several nodes. Pure; any thread.
namespace holdfast::admin {

// A node, and what it was asked. A plain value.
struct CheckedNode {
  v1::NodeInfo info;
  absl::StatusOr<v1::ReadinessReport> report = absl::UnknownError("not asked");
  // Of a standby: what would be planned if the primary's site were lost now, or the primary alone where they
  // share a site.
  std::optional<absl::StatusOr<v1::Plan>> if_lost;
};

// Whom the loss that a standby is there for would take: all nodes of the primary's site, or the primary alone
// if the standby is in that site itself. Empty if there is no primary.
std::vector<std::string> LostWithThePrimary(const ClusterView& view, const v1::NodeInfo& standby);

// What is said of one node: its own items, or that it could not be asked, and what a promotion of it would
// be.
std::vector<v1::ReadinessItem> ItemsOf(const CheckedNode& node, const ClusterView& view);

// What is said of the cluster: its primary, whether nodes agree, who could take over. `nodes`: all servers.
// `agreement` is none where it was not looked at.
std::vector<v1::ReadinessItem> ClusterItems(const ClusterView& view, const std::vector<CheckedNode>& nodes,
                                            const std::optional<Agreement>& agreement);

// The worst of them: FAIL, then UNKNOWN, then WARN.
v1::ReadinessLevel WorstOf(const std::vector<v1::ReadinessItem>& items);

// FAIL: kNegative; UNKNOWN: kNotAsked; else kOk.
ExitCode ExitCodeOf(v1::ReadinessLevel level);

}  // namespace holdfast::admin
