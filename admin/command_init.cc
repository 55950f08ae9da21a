#include "admin/cluster_toml.h"
#include "admin/commands.h"
#include "admin/init_cluster.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string cluster;
  std::string primary;
  Option quorum_option;
  int64_t quorum = 0;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const auto nodes, ReadClusterToml(arguments.cluster));
  std::optional<uint32_t> quorum;
  if (arguments.quorum_option.given()) quorum = static_cast<uint32_t>(arguments.quorum);
  HF_ASSIGN_OR_RETURN(const v1::InitResponse response,
                      InitCluster(context, nodes, arguments.primary, quorum));
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("cluster_id", response.cluster_id()).Member("revision", response.revision());
    context.out() << json.Member("primary", arguments.primary).EndObject().text() << "\n";
    return ExitCode::kOk;
  }
  context.out() << "cluster " << context.Bold() << response.cluster_id() << context.Plain()
                << " begins at revision " << ShowRevision(response.revision()) << "; its primary is "
                << arguments.primary << "\n";
  return ExitCode::kOk;
}

}  // namespace

void AddInitCommand(Command& root) {
  Command command = root.Add("init", "Starts a new cluster from an inventory; its nodes must be running",
                             "  holdfast init --cluster cluster.toml --primary dc1-a\n"
                             "  holdfast init --cluster cluster.toml --primary dc1-a --q 2\n"
                             "The file is described in docs/cli.md; `holdfast up` writes one.");
  auto arguments = std::make_shared<Arguments>();
  command.Text("--cluster", &arguments->cluster, "The inventory").Required();
  command.Text("--primary", &arguments->primary, "The node that becomes primary").Required();
  arguments->quorum_option = command.Number("--q", &arguments->quorum,
                                            "Voters that must hold a commit; 0: the primary alone (most)");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
