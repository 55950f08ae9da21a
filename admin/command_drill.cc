// `drill`: rehearses a promotion at a standby; it runs in the node, and this watches it.
#include <algorithm>
#include <memory>
#include <string>

#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "admin/show_drill.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

constexpr absl::Duration kQuestion = absl::Seconds(5);
// A node that is restarted is back by then.
constexpr absl::Duration kPatience = absl::Seconds(30);

// The standby that the loss of the primary's site would call for first; else any.
absl::StatusOr<v1::NodeInfo> Choose(const ClusterView& view, const std::string& node_id) {
  if (!node_id.empty()) {
    const v1::NodeInfo* const named = view.Find(node_id);
    if (named == nullptr) return UnknownNodeError(node_id, view.NodeIds());
    return *named;
  }
  const v1::NodeInfo* const primary = view.Primary();
  const v1::NodeInfo* chosen = nullptr;
  for (const v1::NodeInfo& node : view.nodes) {
    if (node.kind() != v1::NODE_KIND_SERVER || &node == primary) continue;
    const bool is_elsewhere = primary == nullptr || node.site() != primary->site();
    // Without a known primary (the inventory may come from a standby that knows none) the first one will do.
    if (chosen == nullptr || (is_elsewhere && primary != nullptr && chosen->site() == primary->site()))
      chosen = &node;
  }
  if (chosen == nullptr) return UsageError("there is no standby to rehearse with");
  return *chosen;
}

// Shows each step once it has ended.
void ShowNewSteps(Context& context, const v1::Drill& drill, int* shown) {
  for (; *shown < drill.steps_size(); ++*shown) {
    const v1::DrillStep& step = drill.steps(*shown);
    if (step.state() == v1::DRILL_STATE_RUNNING) return;
    if (!context.json()) context.out() << ShowStep(step) << std::flush;
  }
}

absl::StatusOr<ExitCode> Report(Context& context, const v1::Drill& drill) {
  if (context.json()) {
    JsonWriter json;
    WriteDrill(json, drill);
    context.out() << json.text() << "\n";
  } else {
    PrintDrill(context, drill);
  }
  return ExitCodeOf(drill.state());
}

absl::StatusOr<ExitCode> Watch(Context& context, NodeAdmin& admin, const v1::NodeInfo& node,
                               const std::string& drill_id) {
  Clock& clock = *context.environment().clock;
  absl::Duration heard = clock.SinceBoot();
  int shown = 0;
  for (;; Pause(kPollInterval)) {
    const absl::StatusOr<v1::GetDrillResponse> answer = admin.GetDrill(node.peer_address(), kQuestion);
    if (answer.ok() && answer->drill().drill_id() == drill_id) {
      heard = clock.SinceBoot();
      ShowNewSteps(context, answer->drill(), &shown);
      if (answer->drill().state() != v1::DRILL_STATE_RUNNING) return Report(context, answer->drill());
      continue;
    }
    if (!answer.ok() && ExitCodeOf(answer.status()) != ExitCode::kNotAsked) return answer.status();
    if (!answer.ok() && clock.SinceBoot() - heard <= kPatience) continue;
    context.err() << "holdfast: what became of the rehearsal at '" << node.node_id()
                  << "' is not known here; next: holdfast check " << node.node_id() << "\n";
    return ExitCode::kUnknown;
  }
}

absl::StatusOr<ExitCode> Run(Context& context, const std::string& node_id) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(const v1::NodeInfo node, Choose(view, node_id));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::StartDrillRequest request;
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  HF_ASSIGN_OR_RETURN(const v1::StartDrillResponse started,
                      admin->StartDrill(node.peer_address(), request, context.deadline()));
  if (!context.json()) {
    context.out() << "rehearsal of a promotion at " << context.Bold() << node.node_id() << context.Plain()
                  << ", on a copy of its data\n";
  }
  return Watch(context, *admin, node, started.drill().drill_id());
}

}  // namespace

void AddDrillCommand(Command& root) {
  Command command = root.Add("drill", "Rehearses a promotion at a standby, on a copy of its data",
                             "  holdfast drill\n"
                             "  holdfast drill dc2-b -o json\n"
                             "The cluster is not touched. `holdfast check` shows the result and its age.\n"
                             "Exit codes: 0 passed, 1 a step failed, 4 refused, 5 UNKNOWN, 6 interrupted.");
  auto node_id = std::make_shared<std::string>();
  command.Text("standby", node_id.get(), "Where (else the first standby outside of the primary's site)");
  command.Runs([node_id](Context& context) { return Run(context, *node_id); });
}

}  // namespace holdfast::admin
