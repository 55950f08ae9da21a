// `rejoin`: a former primary comes back as a follower; the command waits until it follows.
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_join.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/poll.h"
#include "base/revision.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// With records of the epoch that it follows: before those it may be connected, and still have to cut its own.
bool Follows(const absl::StatusOr<v1::StatusResponse>& status) {
  return status.ok() && status->header().role() == v1::NODE_ROLE_STANDBY && status->upstream_connected() &&
         Revision(status->appended().revision()).epoch() == status->epoch();
}

// The voters of now and this node, as `nodes set` takes them.
std::string VotersWith(const std::string& node_id, const v1::DurabilityRule& rule) {
  std::set<std::string> voters = {node_id};
  for (const v1::Voter& voter : rule.voters()) voters.insert(voter.node_id());
  return absl::StrJoin(voters, ",");
}

absl::StatusOr<ExitCode> Run(Context& context, const std::string& node_id) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  const v1::NodeInfo* const node = view.Find(node_id);
  if (node == nullptr) return UnknownNodeError(node_id, view.NodeIds());
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::RejoinRequest request;
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  HF_ASSIGN_OR_RETURN(const v1::RejoinResponse rejoined,
                      admin->Rejoin(node->peer_address(), request, context.deadline()));
  absl::StatusOr<v1::StatusResponse> status;
  const bool follows = PollUntil(*context.environment().clock, context.deadline(), [&] {
    status = admin->Status(node->peer_address(), absl::Seconds(2));
    return Follows(status);
  });
  const int64_t salvaged = status.ok() ? status->gauges().salvage_files() : 0;
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("node_id", node_id).Member("follows", follows);
    json.Member("held_revision", rejoined.appended().revision());
    json.Member("revision", status.ok() ? status->appended().revision() : 0);
    json.Member("upstream", status.ok() ? status->upstream_node_id() : "");
    context.out() << json.Member("salvage_files", salvaged).EndObject().text() << "\n";
  } else if (follows) {
    context.out() << "'" << node_id << "' follows " << status->upstream_node_id() << " at "
                  << ShowRevision(status->appended().revision()) << "; it held "
                  << ShowRevision(rejoined.appended().revision()) << " and keeps " << salvaged
                  << (salvaged == 1 ? " salvage file" : " salvage files")
                  << (salvaged > 0 ? ": holdfast salvage list\n" : "\n")
                  << "it has no vote until it is given one: holdfast nodes set --voters "
                  << VotersWith(node_id, status->rule()) << "\n";
  }
  if (follows) return ExitCode::kOk;
  PrintError(context, absl::StrCat("'", node_id, "' may follow, and does not yet: ",
                                   status.ok() ? status->activity() : std::string(status.status().message()),
                                   "; next: holdfast status"));
  return ExitCode::kIncomplete;
}

}  // namespace

void AddRejoinCommand(Command& root) {
  auto node_id = std::make_shared<std::string>();
  Command command =
      root.Add("rejoin", "Brings a former primary back as a follower of the present one",
               "  holdfast rejoin dc1-a\n"
               "What it alone held is kept in a salvage file. Exits with 6 while it does not follow yet.");
  command.Text("node", node_id.get(), "The former primary").Required();
  command.Runs([node_id](Context& context) { return Run(context, *node_id); });
}

}  // namespace holdfast::admin
