// `nodes point`: chooses a node's upstream by hand; `nodes seed`: lets a server be promoted that was seeded
// with no primary left.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

constexpr char kAutomatic[] = "auto";
constexpr absl::Duration kAskTimeout = absl::Seconds(2);

struct Arguments {
  std::string node_id;
  std::string other;
};

absl::StatusOr<v1::NodeInfo> Known(const ClusterView& view, const std::string& node_id) {
  const v1::NodeInfo* const node = view.Find(node_id);
  if (node == nullptr) return UnknownNodeError(node_id, view.NodeIds());
  return *node;
}

// It does as it was told: follows the chosen one, or anybody.
bool Follows(const absl::StatusOr<v1::StatusResponse>& status, const std::string& upstream) {
  if (!status.ok() || !status->upstream_connected()) return false;
  return upstream.empty() ? !status->has_pin() : status->pin_followed();
}

void ShowPoint(Context& context, const std::string& node_id, const v1::StatusResponse& status) {
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("node_id", node_id).Member("pointed_at", status.pin().node_id());
    json.Member("followed", status.pin_followed()).Member("says", status.pin_says());
    json.Member("upstream", status.upstream_connected() ? status.upstream_node_id() : "");
    context.out() << json.EndObject().text() << "\n";
    return;
  }
  const std::string fed_by = status.upstream_connected()
                                 ? absl::StrCat("is fed by ", status.upstream_node_id())
                                 : "is fed by nobody";
  context.out() << node_id << " " << fed_by << "; ";
  if (!status.has_pin()) {
    context.out() << "it chooses by itself\n";
  } else {
    google::protobuf::Timestamp since;
    since.set_seconds(status.pin().set_at_us() / 1'000'000);
    context.out() << status.pin().operator_name() << " pointed it at " << status.pin().node_id() << " on "
                  << ShowTime(since)
                  << (status.pin_followed() ? std::string()
                                            : absl::StrCat(", which does not feed it: ", status.pin_says()))
                  << "\n";
  }
}

absl::StatusOr<ExitCode> Point(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(const v1::NodeInfo node, Known(view, arguments.node_id));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  absl::StatusOr<v1::StatusResponse> status = admin->Status(node.peer_address(), context.deadline());
  if (!arguments.other.empty()) {
    v1::PointUpstreamRequest request;
    if (arguments.other != kAutomatic) {
      HF_RETURN_IF_ERROR(Known(view, arguments.other).status());
      request.set_upstream_node_id(arguments.other);
    }
    request.set_operator_name(context.author());
    request.set_host(context.environment().host);
    HF_RETURN_IF_ERROR(admin->PointUpstream(node.peer_address(), request, context.deadline()).status());
    const bool follows = PollUntil(*context.environment().clock, context.deadline(), [&] {
      status = admin->Status(node.peer_address(), kAskTimeout);
      return Follows(status, request.upstream_node_id());
    });
    if (status.ok()) ShowPoint(context, node.node_id(), *status);
    if (follows) return ExitCode::kOk;
    context.err()
        << "holdfast: INCOMPLETE: it is kept, and tried again and again; until then the node chooses by "
           "itself; look: holdfast nodes point "
        << node.node_id() << "\n";
    return ExitCode::kIncomplete;
  }
  HF_RETURN_IF_ERROR(status.status());
  ShowPoint(context, node.node_id(), *status);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Seed(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(const v1::NodeInfo server, Known(view, arguments.node_id));
  HF_ASSIGN_OR_RETURN(const v1::NodeInfo proxy, Known(view, arguments.other));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  HF_ASSIGN_OR_RETURN(const v1::StatusResponse status,
                      admin->Status(server.peer_address(), context.deadline()));
  if (status.appended().revision() == 0) return NotSeededError(server.node_id());
  v1::LendSlotRequest lend;
  lend.set_cluster_id(view.cluster.cluster_id());
  lend.set_node_id(server.node_id());
  lend.set_incarnation(status.incarnation());
  lend.set_operator_name(context.author());
  lend.set_host(context.environment().host);
  HF_ASSIGN_OR_RETURN(const v1::LendSlotResponse lent,
                      admin->LendSlot(proxy.peer_address(), lend, context.deadline()));
  v1::TakeSlotRequest take;
  take.set_cluster_id(view.cluster.cluster_id());
  *take.mutable_loan() = lent.loan();
  HF_RETURN_IF_ERROR(admin->TakeSlot(server.peer_address(), take, context.deadline()).status());
  const std::string next = absl::StrCat("holdfast promote ", server.node_id(), " --dry-run");
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("node_id", server.node_id()).Member("slot", int64_t{lent.loan().slot()});
    json.Member("from", proxy.node_id())
        .Member("revision", status.appended().revision())
        .Member("next", next);
    context.out() << json.EndObject().text() << "\n";
  } else {
    context.out() << server.node_id() << " holds " << ShowRevision(status.appended().revision())
                  << " and has the slot " << lent.loan().slot() << " of " << proxy.node_id()
                  << ", lent for ever to this incarnation of it\nnext: " << next << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddNodesPointCommand(Command& nodes) {
  auto pointing = std::make_shared<Arguments>();
  Command point =
      nodes.Add("point", "Chooses whom one node follows, or shows it",
                "  holdfast nodes point dc2-p2 --upstream dc2-p1\n"
                "  holdfast nodes point dc2-p2 --upstream auto\n"
                "  holdfast nodes point dc2-p2\n"
                "Kept by the node itself, also over a restart. While the chosen one cannot feed it,\n"
                "the node chooses by itself; a voter always follows the primary.");
  point.Text("node", &pointing->node_id, "Its node id").Required();
  point.Text("--upstream", &pointing->other, "Whom it follows; auto: it chooses by itself");
  point.Runs([pointing](Context& context) { return Point(context, *pointing); });

  auto seeding = std::make_shared<Arguments>();
  Command seed =
      nodes.Add("seed", "Lets a new server be promoted with the primary and all standbys lost",
                "  holdfast nodes seed dc2-a --from dc2-p1\n"
                "dc2-a runs in the place of a lost server, under its name, with a copy from any proxy;\n"
                "dc2-p1 lends it the slot that its epochs are numbered by.");
  seed.Text("node", &seeding->node_id, "The new server").Required();
  seed.Text("--from", &seeding->other, "The proxy that lends its slot").Required();
  seed.Runs([seeding](Context& context) { return Seed(context, *seeding); });
}

}  // namespace holdfast::admin
