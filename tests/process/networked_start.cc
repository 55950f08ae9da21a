// A cluster whose sites are in networks of their own: started by hand, as on two machines.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/cluster_file.h"
#include "admin/cluster_toml.h"
#include "admin/files.h"
#include "admin/node_admin.h"
#include "admin/playground.h"
#include "base/status_macros.h"
#include "tests/process/local_cluster.h"

namespace holdfast::testing {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(2);
constexpr int kFirstPort = 7400;  // in a network that nobody else is in

std::string ConfigOf(const std::string& directory, const std::string& node_id) {
  return absl::StrCat(directory, "/", node_id, ".toml");
}

}  // namespace

absl::Status LocalCluster::StartInNetworks(const RunBounds& bounds) {
  HF_RETURN_IF_ERROR(WriteFiles());
  for (auto& [id, node] : nodes_)
    node.pid = Spawn(node.command, absl::StrCat(options_.directory, "/", id, ".log"), NetworkOf(node.site));
  HF_RETURN_IF_ERROR(InitByHand(bounds));
  return WaitUntilReady(bounds);
}

// cluster.json is there before anything runs: whoever cleans up finds all of it.
absl::Status LocalCluster::WriteFiles() {
  std::error_code ignored;
  std::filesystem::create_directories(options_.directory, ignored);
  std::vector<v1::NodeSpec> members = admin::PlaygroundMembers(options_.proxies);
  std::vector<std::string> seeds;
  admin::ClusterFile file;
  int port = kFirstPort;
  for (v1::NodeSpec& member : members) {
    const std::string host = options_.networks->AddressOf(member.site());
    member.set_client_address(absl::StrCat(host, ":", port++));
    member.set_peer_address(absl::StrCat(host, ":", port++));
    const bool is_proxy = member.kind() == v1::NODE_KIND_PROXY;
    if (!is_proxy) seeds.push_back(absl::StrCat("\"", member.peer_address(), "\""));
    const std::string& id = member.node_id();
    const std::string data_dir = absl::StrCat(options_.directory, "/", id);
    const std::string role = is_proxy ? "proxy" : id == admin::kPlaygroundPrimary ? "primary" : "standby";
    nodes_[id] = {id,
                  member.site(),
                  role,
                  member.client_address(),
                  member.peer_address(),
                  data_dir,
                  0,
                  {Program(is_proxy ? "holdfast-proxy" : "holdfast-primary"), "--config",
                   ConfigOf(options_.directory, id)}};
    if (role != "standby")
      absl::StrAppend(&endpoints_, endpoints_.empty() ? "" : ",", member.client_address());
    file.nodes.push_back({id, member.site(), role, member.client_address(), member.peer_address(), data_dir,
                          ConfigOf(options_.directory, id), data_dir + ".log", 0});
  }
  for (const auto& [id, node] : nodes_) {
    std::filesystem::create_directories(node.data_dir, ignored);
    HF_RETURN_IF_ERROR(admin::WriteWholeFile(
        ConfigOf(options_.directory, id),
        absl::StrCat("insecure = true\nnode_id = \"", id, "\"\nsite = \"", node.site, "\"\ndata_dir = \"",
                     node.data_dir, "\"\n\n[client]\nlisten = \"", node.address, "\"\n\n[peer]\nlisten = \"",
                     node.peer_address, "\"\nseeds = [", absl::StrJoin(seeds, ", "), "]\n")));
  }
  HF_RETURN_IF_ERROR(
      admin::WriteWholeFile(options_.directory + "/cluster.toml", admin::WriteClusterToml(members)));
  return admin::WriteClusterFile(options_.directory + "/cluster.json", file);
}

absl::Status LocalCluster::InitByHand(const RunBounds& bounds) const {
  const Node& primary = Only("primary");
  RunBounds there = bounds;
  there.network = NetworkOf(primary.site);
  CommandResult init;
  const bool done = Eventually(bounds.time, [&] {
    if ((bounds.given_up != nullptr && *bounds.given_up) || !IsRunning(primary.node_id)) return true;
    init = Run({Program("holdfast"), "--endpoints", primary.address, "init", "--cluster",
                options_.directory + "/cluster.toml", "--primary", primary.node_id},
               {}, there);
    return init.exit_status == 0;
  });
  if (done && init.exit_status == 0) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("holdfast init: exit status ", init.exit_status, "\n", init.out, init.err, Logs()));
}

absl::Status LocalCluster::WaitUntilReady(const RunBounds& bounds) const {
  HF_ASSIGN_OR_RETURN(const auto admin, admin::MakeNodeAdmin({}));
  std::string waiting_for;
  const bool ready = Eventually(bounds.time, [&] {
    waiting_for.clear();
    for (const auto& [id, node] : nodes_) {
      if (bounds.given_up != nullptr && *bounds.given_up) return true;
      bool is_ready = false;
      if (node.role == "proxy") {
        is_ready = admin->IsServing(node.address, kAskTimeout);
      } else {
        const auto status = admin->Status(node.peer_address, kAskTimeout);
        is_ready = status.ok() && (node.role == "primary" || status->upstream_connected()) &&
                   status->visible().revision() > 0;
      }
      if (!is_ready) absl::StrAppend(&waiting_for, " ", id);
    }
    return waiting_for.empty();
  });
  if (ready) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("not ready:", waiting_for, "\n", Logs()));
}

}  // namespace holdfast::testing
