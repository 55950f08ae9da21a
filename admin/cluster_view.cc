#include "admin/cluster_view.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/cluster_file.h"
#include "admin/errors.h"
#include "base/check.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/key_rules.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "client/range.h"
#include "google/protobuf/util/json_util.h"

namespace holdfast::admin {
namespace {

constexpr size_t kAsksAtOnce = 64;  // each may have to wait for a node that is silent
constexpr absl::Duration kPeerPatience = absl::Seconds(2);

template <typename Message>
absl::Status FromJson(const v1::KeyValue& kv, Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // a newer release's
  const auto status = google::protobuf::util::JsonStringToMessage(kv.value(), message, options);
  return status.ok() ? absl::OkStatus() : BadFileError(kv.key(), 0, std::string(status.message()));
}

absl::StatusOr<ClusterView> FromConfiguration(Context& context) {
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  v1::ListRequest request;
  client::SetPrefix(request, kReservedKeyPrefix);
  ClusterView view;
  const std::string cluster_key = absl::StrCat(kReservedKeyPrefix, "cluster");
  const std::string nodes_prefix = absl::StrCat(kReservedKeyPrefix, "nodes/");
  HF_RETURN_IF_ERROR(client
                         ->ListAll(request,
                                   [&](v1::KeyValue& kv) -> absl::Status {
                                     if (kv.key() == cluster_key) return FromJson(kv, &view.cluster);
                                     if (kv.key().rfind(nodes_prefix, 0) != 0) return absl::OkStatus();
                                     return FromJson(kv, &view.nodes.emplace_back());
                                   })
                         .status());
  return view;
}

// A standby answers no configuration call, whatever else is lost: what it knows of the members it says at its
// peer address. nullopt if none of the endpoints is one.
std::optional<ClusterView> FromPeers(Context& context) {
  const absl::StatusOr<NodeAdmin*> admin = context.nodes();
  if (!admin.ok()) return std::nullopt;
  for (const std::string& endpoint : context.endpoints()) {
    const absl::StatusOr<v1::StatusResponse> status = (*admin)->Status(endpoint, kPeerPatience);
    if (!status.ok() || status->nodes().empty()) continue;
    ClusterView view;
    view.cluster.set_cluster_id(status->header().cluster_id());
    view.cluster.set_epoch(status->epoch());
    view.cluster.set_primary_node_id(status->primary_node_id());
    *view.cluster.mutable_rule() = status->rule();
    view.nodes.assign(status->nodes().begin(), status->nodes().end());
    return view;
  }
  return std::nullopt;
}

ClusterView FromPlayground(const ClusterFile& file) {
  ClusterView view;
  view.cluster.set_cluster_id(file.cluster_id);
  for (const ClusterFile::Node& node : file.nodes) {
    v1::NodeInfo& info = view.nodes.emplace_back();
    info.set_node_id(node.node_id);
    info.set_site(node.site);
    info.set_kind(node.role == "proxy" ? v1::NODE_KIND_PROXY : v1::NODE_KIND_SERVER);
    info.set_client_address(node.address);
    info.set_peer_address(node.peer_address);
    if (node.role == "primary") view.cluster.set_primary_node_id(node.node_id);
  }
  return view;
}

}  // namespace

const v1::NodeInfo* ClusterView::Find(const std::string& node_id) const {
  for (const v1::NodeInfo& node : nodes) {
    if (node.node_id() == node_id) return &node;
  }
  return nullptr;
}

std::vector<std::string> ClusterView::NodeIds() const {
  std::vector<std::string> ids;
  for (const v1::NodeInfo& node : nodes) ids.push_back(node.node_id());
  return ids;
}

absl::StatusOr<ClusterView> ReadClusterView(Context& context) {
  absl::StatusOr<ClusterView> view = FromConfiguration(context);
  if (view.ok() && !view->nodes.empty()) return view;
  if (std::optional<ClusterView> of_peers = FromPeers(context)) return *std::move(of_peers);
  const auto file = ReadClusterFile(absl::StrCat(context.PlaygroundDir(), "/cluster.json"));
  if (file.ok() && file->ClientEndpoints() == context.endpoints()) return FromPlayground(*file);
  if (view.ok()) return NoInventoryError(context.endpoints(), absl::NotFoundError("there is no inventory"));
  if (ReasonOf(view.status()) != "UNREACHABLE") return view.status();
  return NoInventoryError(context.endpoints(), view.status());
}

void AskAll(size_t count, const std::function<void(size_t)>& ask) {
  if (count == 0) return;
  Mutex mu;
  CondVar done_cv;
  size_t done = 0;
  WorkerPool pool("ask", static_cast<int>(std::min(count, kAsksAtOnce)), static_cast<int>(count));
  for (size_t i = 0; i < count; ++i) {
    const bool posted = pool.TryPost([&, i] {
      ask(i);
      MutexLock lock(&mu);
      if (++done == count) done_cv.NotifyAll();
    });
    HF_CHECK(posted, "the pool has a place for each question");
  }
  MutexLock lock(&mu);
  done_cv.Wait(&mu, [&] { return done == count; });
}

std::vector<absl::StatusOr<v1::StatusResponse>> AskStatus(NodeAdmin& admin,
                                                          const std::vector<v1::NodeInfo>& nodes,
                                                          absl::Duration timeout) {
  std::vector<absl::StatusOr<v1::StatusResponse>> answers(nodes.size(), absl::UnknownError("not asked"));
  AskAll(nodes.size(), [&](size_t i) { answers[i] = admin.Status(nodes[i].peer_address(), timeout); });
  return answers;
}

std::string ShowVoters(const v1::DurabilityRule& rule) {
  return absl::StrJoin(rule.voters(), ", ",
                       [](std::string* out, const v1::Voter& voter) { out->append(voter.node_id()); });
}

std::string ShowRule(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0) return "local (q = 0)";
  return absl::StrCat(rule.quorum(), " of ", ShowVoters(rule));
}

std::string ShowNoAnswer(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (reason == "UNREACHABLE") return "cannot be reached";
  if (reason == "DEADLINE") return "cannot be asked: no answer in time";
  return absl::StrCat("cannot be asked: ", status.message());
}

std::string PrimaryPeerAddress(const std::vector<absl::StatusOr<v1::StatusResponse>>& answers) {
  const v1::StatusResponse* best = nullptr;
  for (const auto& answer : answers) {
    if (!answer.ok() || answer->primary_peer_address().empty()) continue;
    if (best == nullptr || answer->epoch() > best->epoch()) best = &*answer;
  }
  return best == nullptr ? std::string() : best->primary_peer_address();
}

std::string PrimaryAddress(NodeAdmin& admin, const ClusterView& view, absl::Duration timeout) {
  std::string primary = PrimaryPeerAddress(AskStatus(admin, view.nodes, timeout));
  if (primary.empty() && view.Primary() != nullptr) primary = view.Primary()->peer_address();
  return primary;
}

}  // namespace holdfast::admin
