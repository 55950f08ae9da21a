// `operation list|attach|resume|abort`: operations run in the servers; any machine can look at them.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/operation_watch.h"
#include "admin/show.h"
#include "admin/show_operation.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// An operation, and the server that knows it.
struct Known {
  v1::NodeInfo server;
  v1::Operation operation;
};

// Of every server that can be asked, newest first; the ids carry their time.
absl::StatusOr<std::vector<Known>> AskAll(Context& context, std::vector<std::string>* unreached) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  std::vector<Known> known;
  for (const v1::NodeInfo& node : view.nodes) {
    if (node.kind() != v1::NODE_KIND_SERVER) continue;
    const absl::StatusOr<v1::ListOperationsResponse> listed =
        admin->ListOperations(node.peer_address(), absl::Seconds(2));
    if (!listed.ok()) {
      unreached->push_back(node.node_id());
      continue;
    }
    for (const v1::Operation& operation : listed->operations()) known.push_back({node, operation});
  }
  std::sort(known.begin(), known.end(), [](const Known& left, const Known& right) {
    return left.operation.operation_id() > right.operation.operation_id();
  });
  return known;
}

// As much of a UUIDv7 as has its time: enough to be told from others, and to be typed.
std::string ShortId(const std::string& operation_id) { return operation_id.substr(0, 13); }

absl::StatusOr<ExitCode> List(Context& context) {
  std::vector<std::string> unreached;
  HF_ASSIGN_OR_RETURN(const std::vector<Known> all, AskAll(context, &unreached));
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Key("operations").BeginArray();
    for (const Known& known : all) WriteOperation(json, known.operation);
    json.EndArray().Key("unreached").BeginArray();
    for (const std::string& node_id : unreached) json.String(node_id);
    context.out() << json.EndArray().EndObject().text() << "\n";
  } else if (all.empty()) {
    context.out() << "no operation is known\n";
  } else {
    Table table({{"OPERATION"}, {"WHAT"}, {"STARTED"}, {"BY"}, {"STATE"}});
    for (const Known& known : all) {
      const v1::Operation& operation = known.operation;
      table.Add({ShortId(operation.operation_id()), ShowWhat(operation.plan()), ShowTime(operation.started()),
                 operation.operator_name(), ShowState(operation.state())});
    }
    context.Print(table);
    context.out() << "\nthe report of the newest one: holdfast operation attach "
                  << ShortId(all.front().operation.operation_id()) << "\n";
  }
  for (const std::string& node_id : unreached)
    PrintError(context,
               absl::StrCat("'", node_id, "' cannot be asked: of its operations nothing is known here"));
  return unreached.empty() ? ExitCode::kOk : ExitCode::kNotAsked;
}

// The operation that the argument names, or the newest of all.
absl::StatusOr<Known> Find(Context& context, const std::string& operation_id) {
  std::vector<std::string> unreached;
  HF_ASSIGN_OR_RETURN(const std::vector<Known> all, AskAll(context, &unreached));
  const Known* found = nullptr;
  for (const Known& known : all) {
    if (!absl::StartsWith(known.operation.operation_id(), operation_id)) continue;
    if (operation_id.empty()) return known;
    if (found != nullptr)
      return UsageError(
          absl::StrCat("several operations begin with ", operation_id, "; write more of its id"));
    found = &known;
  }
  if (found != nullptr) return *found;
  return UnknownOperationError(operation_id, unreached);
}

absl::StatusOr<ExitCode> Attach(Context& context, const std::string& operation_id) {
  HF_ASSIGN_OR_RETURN(const Known known, Find(context, operation_id));
  return WatchOperation(context, known.server.peer_address(), known.operation.operation_id());
}

absl::StatusOr<ExitCode> Resume(Context& context, const std::string& operation_id) {
  HF_ASSIGN_OR_RETURN(const Known known, Find(context, operation_id));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::ResumeOperationRequest request;
  request.set_operation_id(known.operation.operation_id());
  HF_RETURN_IF_ERROR(
      admin->ResumeOperation(known.server.peer_address(), request, context.deadline()).status());
  return WatchOperation(context, known.server.peer_address(), known.operation.operation_id());
}

absl::StatusOr<ExitCode> Abort(Context& context, const std::string& operation_id) {
  HF_ASSIGN_OR_RETURN(const Known known, Find(context, operation_id));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::AbortOperationRequest request;
  request.set_operation_id(known.operation.operation_id());
  HF_ASSIGN_OR_RETURN(const v1::AbortOperationResponse aborted,
                      admin->AbortOperation(known.server.peer_address(), request, context.deadline()));
  if (context.json()) {
    JsonWriter json;
    WriteOperation(json, aborted.operation());
    context.out() << json.text() << "\n";
  } else {
    PrintOperation(context, aborted.operation());
  }
  return ExitCode::kOk;
}

using Handler = absl::StatusOr<ExitCode> (*)(Context&, const std::string&);

void Add(Command& operation, const std::string& name, const std::string& purpose, const std::string& example,
         Handler handler) {
  auto id = std::make_shared<std::string>();
  Command command = operation.Add(name, purpose, example);
  command.Text("operation", id.get(), "Its id, or the beginning of it; the newest one without it");
  command.Runs([id, handler](Context& context) { return handler(context, *id); });
}

}  // namespace

void AddOperationCommand(Command& root) {
  Command operation = root.Add("operation", "Lists, watches, resumes and gives up operations",
                               "  holdfast operation list\n"
                               "  holdfast operation attach\n"
                               "  holdfast operation resume 019ab0c2\n"
                               "  holdfast operation abort 019ab0c2");
  operation.NeedsCommand();
  operation.Add("list", "Lists the operations that the servers know", "  holdfast operation list -o json")
      .Runs(List);
  Add(operation, "attach", "Watches an operation until it has ended; leaving changes nothing",
      "  holdfast operation attach 019ab0c2", Attach);
  Add(operation, "resume", "Goes on with an operation whose server was restarted in the middle of it",
      "  holdfast operation resume 019ab0c2", Resume);
  Add(operation, "abort", "Gives an operation up before its point of no return",
      "  holdfast operation abort 019ab0c2", Abort);
}

}  // namespace holdfast::admin
