// `check`: how ready the servers are, by their own rating and by what is seen from all of them together.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "admin/cluster_check.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/node_comparison.h"
#include "admin/operation_start.h"
#include "admin/show_check.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// How long nodes that move are looked at until they can be compared.
constexpr absl::Duration kComparePatience = absl::Seconds(3);

// The servers, or those that were named.
absl::StatusOr<std::vector<v1::NodeInfo>> WhomToAsk(const ClusterView& view,
                                                    const std::vector<std::string>& ids) {
  std::vector<v1::NodeInfo> nodes;
  for (const std::string& id : ids) {
    const v1::NodeInfo* const node = view.Find(id);
    if (node == nullptr) return UnknownNodeError(id, view.NodeIds());
    nodes.push_back(*node);
  }
  if (!ids.empty()) return nodes;
  std::copy_if(view.nodes.begin(), view.nodes.end(), std::back_inserter(nodes),
               [](const v1::NodeInfo& node) { return node.kind() == v1::NODE_KIND_SERVER; });
  return nodes;
}

absl::StatusOr<v1::Plan> PlanIfLost(Context& context, NodeAdmin& admin, const ClusterView& view,
                                    const v1::NodeInfo& standby) {
  v1::PlanOperationRequest request;
  request.set_kind(v1::OPERATION_KIND_PROMOTE);
  for (const std::string& id : LostWithThePrimary(view, standby)) request.add_as_if_gone(id);
  HF_ASSIGN_OR_RETURN(v1::PlanOperationResponse planned,
                      AskForPlan(context, admin, standby.peer_address(), request));
  return std::move(*planned.mutable_plan());
}

absl::StatusOr<v1::ReadinessReport> ReportOf(Context& context, NodeAdmin& admin, const v1::NodeInfo& node) {
  HF_ASSIGN_OR_RETURN(v1::CheckResponse answer, admin.Check(node.peer_address(), context.deadline()));
  return std::move(*answer.mutable_report());
}

// The newest word on who is primary: the inventory that was read may be an old one's.
void CorrectPrimary(const std::vector<CheckedNode>& nodes, ClusterView* view) {
  uint64_t epoch = view->cluster.epoch();
  for (const CheckedNode& node : nodes) {
    if (!node.report.ok() || node.report->primary_node_id().empty() || node.report->epoch() < epoch) continue;
    epoch = node.report->epoch();
    view->cluster.set_primary_node_id(node.report->primary_node_id());
  }
}

std::vector<CheckedNode> AskNodes(Context& context, NodeAdmin& admin, const std::vector<v1::NodeInfo>& asked,
                                  ClusterView* view) {
  std::vector<CheckedNode> nodes(asked.size());
  AskAll(asked.size(), [&](size_t i) {
    nodes[i].info = asked[i];
    nodes[i].report = ReportOf(context, admin, asked[i]);
  });
  CorrectPrimary(nodes, view);
  AskAll(asked.size(), [&](size_t i) {
    if (nodes[i].report.ok() && nodes[i].report->role() == v1::NODE_ROLE_STANDBY)
      nodes[i].if_lost = PlanIfLost(context, admin, *view, asked[i]);
  });
  return nodes;
}

Agreement Compare(Context& context, NodeAdmin* admin, const ClusterView& view) {
  NodeComparison comparison(admin, context.deadline(), view.nodes);
  PollUntil(*context.environment().clock, kComparePatience, [&] { return comparison.Round(); });
  return comparison.agreement();
}

absl::StatusOr<ExitCode> Run(Context& context, const std::vector<std::string>& ids) {
  CheckFindings findings;
  HF_ASSIGN_OR_RETURN(findings.view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(const std::vector<v1::NodeInfo> asked, WhomToAsk(findings.view, ids));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  std::vector<CheckedNode> nodes = AskNodes(context, *admin, asked, &findings.view);
  if (ids.empty())
    findings.cluster = ClusterItems(findings.view, nodes, Compare(context, admin, findings.view));
  for (CheckedNode& node : nodes) {
    std::vector<v1::ReadinessItem> items = ItemsOf(node, findings.view);
    findings.nodes.push_back({std::move(node), std::move(items)});
  }
  context.json() ? WriteCheck(context, findings) : PrintCheck(context, findings);
  return ExitCodeOf(findings.worst());
}

}  // namespace

void AddCheckCommand(Command& root) {
  Command command =
      root.Add("check", "Rates how ready the servers are, and what the loss of a site would cost",
               "  holdfast check\n"
               "  holdfast check dc2-a dc2-b\n"
               "  holdfast check -o json\n"
               "Exit codes: 0 OK or WARN, 1 something FAILs, 3 something is UNKNOWN or a node is away.");
  auto ids = std::make_shared<std::vector<std::string>>();
  command.Texts("nodes", ids.get(), "Only these nodes, proxies too (else all servers, and the cluster)");
  command.Runs([ids](Context& context) { return Run(context, *ids); });
}

}  // namespace holdfast::admin
