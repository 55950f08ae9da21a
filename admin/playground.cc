#include "admin/playground.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/cluster_toml.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "admin/free_ports.h"
#include "admin/init_cluster.h"
#include "admin/processes.h"
#include "base/error.h"
#include "base/poll.h"
#include "base/revision.h"
#include "base/status_macros.h"
#include "rpc/certificate.h"

namespace holdfast::admin {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kAskTimeout = absl::Seconds(2);

std::string Absolute(const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

std::string ProgramOf(const ClusterFile::Node& node) {
  return node.role == "proxy" ? "holdfast-proxy" : "holdfast-primary";
}

}  // namespace

std::vector<v1::NodeSpec> PlaygroundMembers(int proxies_per_site) {
  std::vector<v1::NodeSpec> members;
  const auto add = [&](const std::string& node_id, const std::string& site, v1::NodeKind kind, bool voter) {
    v1::NodeSpec& spec = members.emplace_back();
    spec.set_node_id(node_id);
    spec.set_site(site);
    spec.set_kind(kind);
    spec.set_voter(voter);
  };
  add("dc1-a", "dc1", v1::NODE_KIND_SERVER, false);
  for (int i = 1; i <= proxies_per_site; ++i)
    add(absl::StrCat("dc1-p", i), "dc1", v1::NODE_KIND_PROXY, false);
  add("dc2-a", "dc2", v1::NODE_KIND_SERVER, true);
  add("dc2-b", "dc2", v1::NODE_KIND_SERVER, true);
  for (int i = 1; i <= proxies_per_site; ++i)
    add(absl::StrCat("dc2-p", i), "dc2", v1::NODE_KIND_PROXY, i == 1);
  return members;
}

Playground::Playground(Context* context, const std::string& directory)
    : context_(context), directory_(Absolute(directory)) {}

bool Playground::Exists() const {
  std::error_code error;
  return fs::exists(cluster_file(), error);
}

bool Playground::HasBegun() const {
  std::error_code error;
  return !Exists() && fs::exists(starting_file(), error);
}

absl::Status Playground::Load() {
  HF_ASSIGN_OR_RETURN(cluster_, ReadClusterFile(Exists() ? cluster_file() : starting_file()));
  for (ClusterFile::Node& node : cluster_.nodes) {  // a start may have died before it noted the last one
    if (!IsNodeRunning(node)) node.pid = FindRunning("--config", node.config);
  }
  return absl::OkStatus();
}

absl::Status Playground::WriteNodeFile(const ClusterFile::Node& node) const {
  // The servers, and for the day on which none of them is left the proxies of the site.
  std::vector<std::string> seeds;
  for (const bool proxies : {false, true}) {
    for (const ClusterFile::Node& other : cluster_.nodes) {
      if ((other.role == "proxy") != proxies || other.node_id == node.node_id) continue;
      if (proxies && other.site != node.site) continue;
      seeds.push_back(absl::StrCat("\"", other.peer_address, "\""));
    }
  }
  std::string text =
      absl::StrCat("# ", node.node_id, ", written by `holdfast up`: an ordinary configuration file, for\n# `",
                   ProgramOf(node), " --config ", node.config, "`.\n");
  absl::StrAppend(&text, "node_id = \"", node.node_id, "\"\nsite = \"", node.site, "\"\ndata_dir = \"",
                  node.data_dir, "\"\n");
  absl::StrAppend(&text, "\n[client]\nlisten = \"", node.address, "\"\n");
  absl::StrAppend(&text, "\n[peer]\nlisten = \"", node.peer_address, "\"\nseeds = [",
                  absl::StrJoin(seeds, ", "), "]\n");
  const rpc::TlsFiles& tls = context_->flags.tls;
  if (tls.enabled()) {
    absl::StrAppend(&text, "\n[tls]\nca = \"", Absolute(tls.ca), "\"\ncert = \"", Absolute(tls.cert),
                    "\"\nkey = \"", Absolute(tls.key), "\"\n");
  }
  return WriteWholeFile(node.config, text);
}

absl::Status Playground::Create(int proxies_per_site) {
  std::vector<v1::NodeSpec> members = PlaygroundMembers(proxies_per_site);
  for (const v1::NodeSpec& member : members) {
    HF_RETURN_IF_ERROR(rpc::CheckNodeCertificate(context_->flags.tls, member.node_id()));
  }
  std::error_code error;
  if (fs::exists(directory_, error) && !fs::is_empty(directory_, error)) {
    return BadFileError(directory_, 0,
                        "is not empty and holds no cluster.json; remove it or name another --dir");
  }
  fs::create_directories(directory_, error);
  if (error) return FileError("write", directory_, error.message());
  HF_ASSIGN_OR_RETURN(const std::vector<int> ports,
                      FindFreePorts(2 * members.size(), *context_->environment().random, port_holds_));
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].set_client_address(absl::StrCat("127.0.0.1:", ports[2 * i]));
    members[i].set_peer_address(absl::StrCat("127.0.0.1:", ports[2 * i + 1]));
    const std::string stem = absl::StrCat(directory_, "/", members[i].node_id());
    ClusterFile::Node node{members[i].node_id(),
                           members[i].site(),
                           "proxy",
                           members[i].client_address(),
                           members[i].peer_address(),
                           stem,
                           stem + ".toml",
                           stem + ".log",
                           0};
    if (members[i].kind() == v1::NODE_KIND_SERVER)
      node.role = node.node_id == kPlaygroundPrimary ? "primary" : "standby";
    cluster_.nodes.push_back(std::move(node));
  }
  for (const ClusterFile::Node& node : cluster_.nodes) {
    fs::create_directories(node.data_dir, error);
    HF_RETURN_IF_ERROR(WriteNodeFile(node));
  }
  HF_RETURN_IF_ERROR(WriteWholeFile(directory_ + "/cluster.toml", WriteClusterToml(members)));
  return Save();
}

bool Playground::IsNodeRunning(const ClusterFile::Node& node) const {
  return IsRunning(node.pid, node.config);
}

int64_t Playground::CountRunning() const {
  return std::count_if(cluster_.nodes.begin(), cluster_.nodes.end(), [this](const ClusterFile::Node& node) {
    return IsSelected(node) && IsNodeRunning(node);
  });
}

absl::Status Playground::Select(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    bool known = false;
    for (const ClusterFile::Node& node : cluster_.nodes) {
      if (node.node_id != name && node.site != name) continue;
      selected_.insert(node.node_id);
      known = true;
    }
    if (!known)
      return UsageError(absl::StrCat("'", name, "' is neither a node nor a site of ", cluster_file()));
  }
  return absl::OkStatus();
}

absl::Status Playground::Start() {
  const fs::path programs = fs::path(context_->environment().program).parent_path();
  for (ClusterFile::Node& node : cluster_.nodes) {
    if (!IsSelected(node) || IsNodeRunning(node)) continue;
    const std::string program = (programs / ProgramOf(node)).string();
    HF_ASSIGN_OR_RETURN(node.pid, StartProgram(program, {"--config", node.config}, node.log));
    HF_RETURN_IF_ERROR(Save());  // whatever becomes of us, `down` finds it
  }
  return absl::OkStatus();
}

absl::Status Playground::CheckAllRun() const {
  for (const ClusterFile::Node& node : cluster_.nodes) {
    if (IsSelected(node) && !IsNodeRunning(node)) return ProgramEndedError(node.node_id, node.log);
  }
  return absl::OkStatus();
}

absl::Status Playground::Init(absl::Duration timeout) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context_->nodes());
  absl::Status ended;
  for (const ClusterFile::Node& node : cluster_.nodes) {
    const bool up = PollUntil(*context_->environment().clock, timeout, [&] {
      ended = CheckAllRun();
      return !ended.ok() || admin->Status(node.peer_address, kAskTimeout).ok();
    });
    HF_RETURN_IF_ERROR(ended);
    if (!up)
      return NotInTimeError(absl::StrCat("node ", node.node_id, " does not answer; its log: ", node.log));
  }
  HF_ASSIGN_OR_RETURN(const auto members, ReadClusterToml(directory_ + "/cluster.toml"));
  const auto response = InitCluster(*context_, members, kPlaygroundPrimary, std::nullopt);
  if (response.ok()) {
    cluster_.cluster_id = response->cluster_id();
  } else if (ReasonOf(response.status()) == "ALREADY_INITIALIZED") {
    cluster_.cluster_id = DetailOf(response.status(), "cluster_id");
  } else {
    return response.status();
  }
  first_revision_ = Revision(0, 1).number();
  return Save();
}

bool Playground::IsReady(NodeAdmin& admin, const ClusterFile::Node& node) const {
  if (node.role == "proxy") return admin.IsServing(node.address, kAskTimeout);
  const auto status = admin.Status(node.peer_address, kAskTimeout);
  if (!status.ok()) return false;
  if (!selected_.empty()) return true;
  switch (status->header().role()) {
    case v1::NODE_ROLE_PRIMARY:
      return status->visible().revision() >= first_revision_;
    case v1::NODE_ROLE_STANDBY:
      return status->upstream_connected() && status->visible().revision() >= first_revision_;
    case v1::NODE_ROLE_SUSPENDED:
    case v1::NODE_ROLE_FENCED:
      return true;
    default:
      return false;
  }
}

absl::Status Playground::WaitUntilReady(absl::Duration timeout) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context_->nodes());
  absl::Status ended;
  std::vector<std::string> waiting;
  const bool ready = PollUntil(*context_->environment().clock, timeout, [&] {
    waiting.clear();
    ended = CheckAllRun();
    for (const ClusterFile::Node& node : cluster_.nodes) {
      if (ended.ok() && IsSelected(node) && !IsReady(*admin, node))
        waiting.push_back(absl::StrCat(node.node_id, " (", node.log, ")"));
    }
    return !ended.ok() || waiting.empty();
  });
  HF_RETURN_IF_ERROR(ended);
  if (!ready) return NotInTimeError(absl::StrCat("not ready yet: ", absl::StrJoin(waiting, ", ")));
  return absl::OkStatus();
}

absl::Status Playground::Save() {
  return WriteClusterFile(Exists() ? cluster_file() : starting_file(), cluster_);
}

absl::Status Playground::Finish() {
  HF_RETURN_IF_ERROR(WriteClusterFile(cluster_file(), cluster_));
  std::error_code ignored;  // beside cluster.json nobody looks at it
  fs::remove(starting_file(), ignored);
  return absl::OkStatus();
}

int Playground::Stop(absl::Duration grace) {
  std::vector<Running> programs;
  for (const char* role : {"proxy", "standby", "primary"}) {
    for (ClusterFile::Node& node : cluster_.nodes) {
      if (node.role != role || !IsSelected(node)) continue;
      programs.push_back({node.pid, node.config});
      node.pid = 0;
    }
  }
  return EndPrograms(programs, grace);
}

}  // namespace holdfast::admin
