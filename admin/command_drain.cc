#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "storage/proto_time.h"

namespace holdfast::admin {
namespace {

constexpr absl::Duration kMostPatience = absl::Minutes(1);  // of the node

struct Arguments {
  std::string node_id;
  std::string timeout = "5s";
  bool undo = false;
};

absl::StatusOr<ExitCode> Undo(Context& context, NodeAdmin& admin, const v1::NodeInfo& node) {
  v1::DrainRequest request;
  request.set_undo(true);
  HF_RETURN_IF_ERROR(admin.Drain(node.peer_address(), request, context.deadline()).status());
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("node_id", node.node_id()).Member("in_service", true);
    context.out() << json.EndObject().text() << "\n";
  } else {
    context.out() << node.node_id() << " is in service again; clients come back to it as they connect\n";
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  absl::Duration timeout;
  if (!absl::ParseDuration(arguments.timeout, &timeout) || timeout < absl::ZeroDuration() ||
      timeout > kMostPatience) {
    return UsageError(
        absl::StrCat("--timeout ", arguments.timeout, " is no duration up to 1m; write 500ms or 10s"));
  }
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  const v1::NodeInfo* const node = view.Find(arguments.node_id);
  if (node == nullptr) return UnknownNodeError(arguments.node_id, view.NodeIds());
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  if (arguments.undo) return Undo(context, *admin, *node);
  v1::DrainRequest request;
  storage::FillDuration(timeout, request.mutable_timeout());
  HF_ASSIGN_OR_RETURN(const v1::DrainResponse response,
                      admin->Drain(node->peer_address(), request, timeout + context.deadline()));
  const bool complete = response.watches_left() == 0;
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("node_id", node->node_id()).Member("watches_ended", response.watches_ended());
    json.Member("watches_left", response.watches_left()).Member("complete", complete);
    context.out() << json.EndObject().text() << "\n";
  } else {
    context.out() << node->node_id() << " has left service; " << ShowCount(response.watches_ended())
                  << (response.watches_ended() == 1 ? " watch was" : " watches were")
                  << " told to go on elsewhere. Back: holdfast drain " << node->node_id() << " --undo\n";
  }
  if (complete) return ExitCode::kOk;
  context.err()
      << "holdfast: INCOMPLETE: the clients of " << response.watches_left()
      << " watches have not taken it in yet; repeat the command, or end the node and they end with it\n";
  return ExitCode::kIncomplete;
}

}  // namespace

void AddDrainCommand(Command& root) {
  Command command =
      root.Add("drain", "Lets one node leave service without ending it, or brings it back",
               "  holdfast drain dc2-p1\n"
               "  holdfast drain dc2-p1 --timeout 30s\n"
               "  holdfast drain dc2-p1 --undo\n"
               "Health says not serving, watches go on at another node, new ones are refused; calls that\n"
               "still come are answered. What SIGTERM does first, and what --undo takes back.");
  auto arguments = std::make_shared<Arguments>();
  command.Text("node", &arguments->node_id, "Its node id").Required();
  command.Text("--timeout", &arguments->timeout, "How long its watches may take to end").ShowDefault();
  command.Flag("--undo", &arguments->undo, "Brings it back into service");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
