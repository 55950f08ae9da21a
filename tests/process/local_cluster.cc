#include "tests/process/local_cluster.h"

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/cluster_file.h"
#include "admin/processes.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

// A child of ours that has ended and was not asked for yet. Anybody else's number may be another's by now.
bool HasEndedUnheard(pid_t pid) {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

}  // namespace

LocalCluster::LocalCluster(Options options) : options_(std::move(options)) {}

LocalCluster::~LocalCluster() { End(); }

absl::Status LocalCluster::Start(const RunBounds& bounds) {
  if (options_.networks != nullptr) return StartInNetworks(bounds);
  // It starts the programs beside it.
  const std::string program =
      options_.failpoints_dir.empty() ? Program("holdfast") : ProgramWithFailpoints("holdfast");
  std::vector<std::string> command = {program,    "up",      "--dir",     options_.directory,
                                      "--detach", "--empty", "--proxies", absl::StrCat(options_.proxies)};
  const rpc::TlsFiles& tls = options_.node_tls;
  if (tls.enabled()) command.insert(command.end(), {"--ca", tls.ca, "--cert", tls.cert, "--key", tls.key});
  const CommandResult up = Run(command, NodeEnvironment(), bounds);
  if (up.exit_status != 0) {
    return absl::InternalError(
        absl::StrCat("holdfast up: exit status ", up.exit_status, "\n", up.out, up.err, Logs()));
  }
  return ReadClusterFile();
}

std::vector<std::string> LocalCluster::NodeEnvironment() const {
  if (options_.failpoints_dir.empty()) return {};
  return {absl::StrCat("HOLDFAST_FAILPOINTS_DIR=", options_.failpoints_dir)};
}

absl::Status LocalCluster::ReadClusterFile() {
  HF_ASSIGN_OR_RETURN(const admin::ClusterFile file,
                      admin::ReadClusterFile(options_.directory + "/cluster.json"));
  for (const admin::ClusterFile::Node& entry : file.nodes) {
    Node node{entry.node_id,
              entry.site,
              entry.role,
              entry.address,
              entry.peer_address,
              entry.data_dir,
              static_cast<pid_t>(entry.pid),
              admin::CommandLineOf(entry.pid)};
    HoldPortOf(node.address);
    HoldPortOf(node.peer_address);
    if (node.role != "standby") absl::StrAppend(&endpoints_, endpoints_.empty() ? "" : ",", node.address);
    nodes_[node.node_id] = std::move(node);
  }
  return absl::OkStatus();
}

const LocalCluster::Node& LocalCluster::Only(const std::string& role) const {
  for (const auto& [id, node] : nodes_) {
    if (node.role == role) return node;
  }
  HF_CHECK(false, "no node with that role");
}

std::vector<std::string> LocalCluster::ids(const std::string& role, const std::string& site) const {
  std::vector<std::string> found;
  for (const auto& [id, node] : nodes_) {
    if (node.role == role && (site.empty() || node.site == site)) found.push_back(id);
  }
  return found;
}

std::vector<std::string> LocalCluster::IdsOf(const std::string& site) const {
  std::vector<std::string> found;
  for (const auto& [id, node] : nodes_) {
    if (node.site == site) found.push_back(id);
  }
  return found;
}

CommandResult LocalCluster::Holdfast(const std::vector<std::string>& arguments,
                                     const RunBounds& bounds) const {
  std::vector<std::string> command = {Program("holdfast")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  RunBounds where = bounds;
  if (!operator_site_.empty()) where.network = NetworkOf(operator_site_);
  return Run(command, Environment(), where);
}

int LocalCluster::NetworkOf(const std::string& site) const {
  return options_.networks == nullptr ? -1 : options_.networks->NetworkOf(site);
}

std::vector<std::string> LocalCluster::Environment() const {
  std::vector<std::string> environment = {absl::StrCat("HOLDFAST_ENDPOINTS=", endpoints_)};
  const rpc::TlsFiles& tls = options_.operator_tls;
  if (tls.enabled()) {
    environment.push_back(absl::StrCat("HOLDFAST_CA=", tls.ca));
    environment.push_back(absl::StrCat("HOLDFAST_CERT=", tls.cert));
    environment.push_back(absl::StrCat("HOLDFAST_KEY=", tls.key));
  }
  return environment;
}

void LocalCluster::EndNode(const std::string& node_id, int signal_number, const char* complaint) {
  const pid_t pid = std::exchange(nodes_.at(node_id).pid, 0);
  int died_of = 0;
  HF_CHECK(EndProcess(pid, signal_number, kPatience, &died_of), complaint);
  if (died_of != 0) died_.push_back(absl::StrCat("'", node_id, "' died of signal ", died_of));
}

void LocalCluster::Kill(const std::vector<std::string>& node_ids) {
  for (const std::string& id : node_ids) {
    if (nodes_.at(id).pid != 0) kill(nodes_.at(id).pid, SIGKILL);
  }
  for (const std::string& id : node_ids) EndNode(id, SIGKILL, "a killed process stays");
}

void LocalCluster::Terminate(const std::string& node_id) {
  EndNode(node_id, SIGTERM, "a node does not end after SIGTERM");
}

void LocalCluster::Signal(const std::string& node_id, int signal_number) {
  const pid_t pid = nodes_.at(node_id).pid;
  HF_CHECK(pid != 0, "the node has ended");  // 0 would be ourselves
  kill(pid, signal_number);
}

void LocalCluster::Restart(const std::string& node_id) {
  Node& node = nodes_.at(node_id);
  node.pid = Spawn(node.command, absl::StrCat(options_.directory, "/", node_id, ".restarted.log"),
                   NetworkOf(node.site), NodeEnvironment());
}

void LocalCluster::Arm(const std::string& node_id, const std::string& spec) {
  HF_CHECK(!options_.failpoints_dir.empty(), "a cluster without failpoints");
  const std::string path = absl::StrCat(options_.failpoints_dir, "/", nodes_.at(node_id).pid);
  WriteWhole(path + ".new", spec);
  std::filesystem::rename(path + ".new", path);
}

std::vector<std::string> LocalCluster::HitsOf(const std::string& node_id) const {
  return absl::StrSplit(
      ReadWhole(absl::StrCat(options_.failpoints_dir, "/", nodes_.at(node_id).pid, ".hits")), '\n',
      absl::SkipEmpty());
}

bool LocalCluster::IsRunning(const std::string& node_id) const {
  const Node& node = nodes_.at(node_id);
  return admin::IsRunning(node.pid, node.command.empty() ? "" : node.command.back());
}

void LocalCluster::End() {
  // An `up` that was broken off leaves a list of what it had started; the last one may not be on it yet.
  if (nodes_.empty()) {
    int ignored = 0;
    EndProcess(static_cast<pid_t>(admin::FindRunning("--dir", options_.directory)), SIGKILL, kPatience,
               &ignored);
    for (const char* const name : {"/starting.json", "/cluster.json"}) {
      const auto file = admin::ReadClusterFile(options_.directory + name);
      if (!file.ok()) continue;
      for (const admin::ClusterFile::Node& node : file->nodes) {
        Node& stray = nodes_[node.node_id];
        stray.pid = static_cast<pid_t>(admin::FindRunning("--config", node.config));
        stray.command = {"--config", node.config};
      }
    }
  }
  for (auto& [id, node] : nodes_) {
    if (node.pid == 0 || !(IsRunning(id) || HasEndedUnheard(node.pid))) continue;
    kill(node.pid, SIGCONT);
    EndNode(id, SIGKILL, "a killed process stays");
  }
}

std::vector<std::string> LocalCluster::TakeTroubles() {
  std::vector<std::string> troubles = std::exchange(died_, {});
  const std::string logs = Logs();
  for (const char* const trouble : {"check failed", "Sanitizer", "runtime error"}) {
    if (absl::StrContains(logs, trouble))
      troubles.push_back(absl::StrCat("a node's log says \"", trouble, "\":\n", logs));
  }
  return troubles;
}

std::string LocalCluster::Logs() const {
  std::string logs;
  std::error_code absent;  // `up` may have failed before it made the directory
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.directory, absent)) {
    if (entry.path().extension() == ".log")
      absl::StrAppend(&logs, entry.path().string(), ":\n", ReadWhole(entry.path()));
  }
  return logs;
}

}  // namespace holdfast::testing
