#include <algorithm>

#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/retention_flags.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "client/options.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string node_id;
  std::vector<std::string> node_ids;
  std::string site;
  std::string kind;
  std::string client_address;
  std::string peer_address;
  bool voter = false;
  std::string voters;
  Option quorum_option;
  int64_t quorum = 0;
  std::string reason;
  RetentionFlags retention;
};

bool IsVoter(const v1::DurabilityRule& rule, const std::string& node_id) {
  return std::any_of(rule.voters().begin(), rule.voters().end(),
                     [&](const v1::Voter& voter) { return voter.node_id() == node_id; });
}

void Show(Context& context, const std::vector<v1::NodeInfo>& nodes, const v1::DurabilityRule& rule,
          const std::string& primary) {
  if (context.json()) {
    JsonWriter json;
    json.BeginObject()
        .Member("primary", primary)
        .Member("quorum", int64_t{rule.quorum()})
        .Key("nodes")
        .BeginArray();
    for (const v1::NodeInfo& node : nodes) {
      json.BeginObject().Member("node_id", node.node_id()).Member("site", node.site());
      json.Member("kind", node.kind() == v1::NODE_KIND_PROXY ? "proxy" : "server");
      json.Member("client_address", node.client_address()).Member("peer_address", node.peer_address());
      json.Member("voter", IsVoter(rule, node.node_id())).EndObject();
    }
    context.out() << json.EndArray().EndObject().text() << "\n";
    return;
  }
  Table table({{"NODE"}, {"SITE"}, {"KIND"}, {"CLIENTS AT"}, {"PEERS AT"}, {"VOTER"}});
  for (const v1::NodeInfo& node : nodes) {
    table.Add({node.node_id(), node.site(), node.kind() == v1::NODE_KIND_PROXY ? "proxy" : "server",
               node.client_address(), node.peer_address(),
               node.node_id() == primary       ? "primary"
               : IsVoter(rule, node.node_id()) ? "yes"
                                               : "-"});
  }
  context.Print(table);
  context.out() << "durability: " << ShowRule(rule) << "\n";
}

absl::StatusOr<ExitCode> List(Context& context) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  Show(context, view.nodes, view.cluster.rule(), view.cluster.primary_node_id());
  if (view.cluster.has_retention() && !context.json())
    context.out() << "retention: " << ShowRetention(view.cluster.retention()) << "\n";
  return ExitCode::kOk;
}

// Sends the change to the primary, by the newest word that any node has of it.
absl::StatusOr<ExitCode> Change(Context& context, const ClusterView& view, v1::ChangeNodesRequest request,
                                const Arguments& arguments) {
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  request.set_reason(arguments.reason);
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const std::string primary = PrimaryAddress(*admin, view, context.deadline());
  HF_ASSIGN_OR_RETURN(const v1::ChangeNodesResponse response,
                      admin->ChangeNodes(primary, request, context.deadline()));
  Show(context, {response.nodes().begin(), response.nodes().end()}, response.rule(),
       view.cluster.primary_node_id());
  if (!context.json()) {
    context.out() << (response.revision() == 0
                          ? std::string("nothing had to be changed")
                          : absl::StrCat("changed at revision ", ShowRevision(response.revision())))
                  << "\n";
  }
  if (response.settled()) return ExitCode::kOk;
  context.err() << "holdfast: committed, but the voters do not yet durably know it: switch nothing off "
                   "before this command, "
                   "repeated, says no more\n";
  return ExitCode::kIncomplete;
}

absl::Status Override(const Arguments& arguments, v1::NodeSpec& spec) {
  if (!arguments.site.empty()) spec.set_site(arguments.site);
  if (!arguments.client_address.empty()) spec.set_client_address(arguments.client_address);
  if (!arguments.peer_address.empty()) spec.set_peer_address(arguments.peer_address);
  if (!arguments.kind.empty()) {
    spec.set_kind(arguments.kind == "server" ? v1::NODE_KIND_SERVER : v1::NODE_KIND_PROXY);
  }
  if (arguments.voter) spec.set_voter(true);
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Add(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  v1::ChangeNodesRequest request;
  v1::NodeSpec& spec = *request.add_set();
  spec.set_node_id(arguments.node_id);
  HF_RETURN_IF_ERROR(Override(arguments, spec));
  return Change(context, view, std::move(request), arguments);
}

absl::StatusOr<ExitCode> Set(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  v1::ChangeNodesRequest request;
  if (const std::string& node_id = arguments.node_id; !node_id.empty()) {
    const v1::NodeInfo* known = view.Find(node_id);
    if (known == nullptr) return UnknownNodeError(node_id, view.NodeIds());
    v1::NodeSpec& spec = *request.add_set();
    spec.set_node_id(node_id);
    spec.set_site(known->site());
    spec.set_kind(known->kind());
    spec.set_client_address(known->client_address());
    spec.set_peer_address(known->peer_address());
    spec.set_voter(IsVoter(view.cluster.rule(), node_id));
    HF_RETURN_IF_ERROR(Override(arguments, spec));
  }
  if (arguments.quorum_option.given()) request.set_quorum(static_cast<uint32_t>(arguments.quorum));
  if (!arguments.voters.empty()) {
    request.mutable_voters();
    if (arguments.voters != "none") {
      for (const std::string& node_id : client::SplitEndpoints(arguments.voters))
        request.mutable_voters()->add_node_ids(node_id);
    }
  }
  if (arguments.retention.given()) HF_RETURN_IF_ERROR(arguments.retention.Fill(*request.mutable_retention()));
  if (request.set_size() == 0 && !request.has_quorum() && !request.has_voters() && !request.has_retention()) {
    return UsageError(
        "say what to set: a node with --site, --client-address or --peer-address, or --voters, --q or "
        "--retain-...");
  }
  return Change(context, view, std::move(request), arguments);
}

absl::StatusOr<ExitCode> Remove(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  v1::ChangeNodesRequest request;
  for (const std::string& node_id : arguments.node_ids) request.add_remove(node_id);
  return Change(context, view, std::move(request), arguments);
}

using Handler = absl::StatusOr<ExitCode> (*)(Context&, const Arguments&);

void Bind(Command& command, const std::shared_ptr<Arguments>& arguments, Handler handler) {
  command.Runs([arguments, handler](Context& context) { return handler(context, *arguments); });
}

}  // namespace

void AddNodesCommand(Command& root) {
  Command nodes = root.Add(
      "nodes", "Lists, adds, removes and changes the members of the cluster",
      "  holdfast nodes list\n"
      "  holdfast nodes add dc2-p3 --site dc2 --kind proxy --client-address h:7400 --peer-address h:7401\n"
      "  holdfast nodes remove dc2-p3\n"
      "  holdfast nodes set --voters dc2-a,dc2-b,dc2-p1 --q 2");
  nodes.NeedsCommand();
  Command list = nodes.Add("list", "Lists the members", "  holdfast nodes list -o json");
  list.Runs(List);

  auto adding = std::make_shared<Arguments>();
  Command add = nodes.Add("add", "Adds a member",
                          "  holdfast nodes add dc2-p3 --site dc2 --kind proxy \\\n"
                          "      --client-address h:7400 --peer-address h:7401");
  add.Text("node", &adding->node_id, "Its node id").Required();
  add.Text("--site", &adding->site, "Its site").Required();
  add.Text("--kind", &adding->kind, "server or proxy").Required().OneOf({"server", "proxy"});
  add.Text("--client-address", &adding->client_address, "Where clients reach it").Required();
  add.Text("--peer-address", &adding->peer_address, "Where nodes and operators reach it").Required();
  add.Flag("--voter", &adding->voter, "Its acknowledgement counts");
  add.Text("--reason", &adding->reason, "Why: kept with the change");
  Bind(add, adding, Add);

  auto removing = std::make_shared<Arguments>();
  Command remove = nodes.Add("remove", "Removes members", "  holdfast nodes remove dc2-p3");
  remove.Texts("nodes", &removing->node_ids, "Their node ids").Required();
  remove.Text("--reason", &removing->reason, "Why: kept with the change");
  Bind(remove, removing, Remove);

  auto setting = std::make_shared<Arguments>();
  Command set = nodes.Add("set", "Changes a member, the voters, q, or how much is kept",
                          "  holdfast nodes set dc2-p3 --client-address new:7400\n"
                          "  holdfast nodes set --voters dc2-a,dc2-b,dc2-p1 --q 2\n"
                          "  holdfast nodes set dc2-b --reason 'its disk was replaced: a new slot'\n"
                          "  holdfast nodes set --retain-age 240h --retain-bytes 8GiB");
  set.Text("node", &setting->node_id, "Its node id");
  set.Text("--site", &setting->site, "Its site");
  set.Text("--client-address", &setting->client_address, "Where clients reach it");
  set.Text("--peer-address", &setting->peer_address, "Where nodes and operators reach it");
  set.Text("--voters", &setting->voters, "The nodes whose acknowledgements count, or none");
  setting->quorum_option = set.Number("--q", &setting->quorum, "How many of them must hold a commit");
  AddNodesPointCommand(nodes);
  setting->retention.AddTo(set);
  set.Text("--reason", &setting->reason, "Why: kept with the change");
  Bind(set, setting, Set);
}

}  // namespace holdfast::admin
