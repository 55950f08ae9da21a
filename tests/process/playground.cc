#include "tests/process/playground.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/error.h"
#include "client/connect.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

std::string Field(const google::protobuf::Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() ? "" : it->second.string_value();
}

}  // namespace

bool TlsByDefault() {
  const char* const wanted = std::getenv("HOLDFAST_TLS");
  return wanted != nullptr && std::string(wanted) == "1";
}

Playground::Playground(const Options& options) : directory_(root_ / "cluster") {
  if (std::getenv("HOLDFAST_KEEP") != nullptr) root_.Keep();
  if (options.tls) IssueCertificates();
  std::vector<std::string> command = {
      Program("holdfast"), "up",      "--dir",     directory_,
      "--detach",          "--empty", "--proxies", absl::StrCat(options.proxies)};
  if (options.tls) {
    command.insert(command.end(), {"--ca", node_tls_.ca, "--cert", node_tls_.cert, "--key", node_tls_.key});
  }
  const CommandResult up = Run(command);
  if (up.exit_status != 0) {
    error_ = absl::StrCat("holdfast up: exit status ", up.exit_status, "\n", up.out, up.err, Logs());
    return;
  }
  ReadClusterFile();
}

Playground::~Playground() {
  for (auto& [id, node] : nodes_) {
    if (node.pid == 0) continue;
    kill(node.pid, SIGCONT);
    StopProcess(node.pid, SIGKILL, kPatience);
  }
  ExpectCleanLogs();
}

// Nobody else would hear of it: the nodes are not our children.
void Playground::ExpectCleanLogs() const {
  const std::string logs = Logs();
  for (const char* const trouble : {"check failed", "Sanitizer", "runtime error"}) {
    if (absl::StrContains(logs, trouble)) {
      ADD_FAILURE() << "a node's log says \"" << trouble << "\":\n" << logs;
    }
  }
}

void Playground::IssueCertificates() {
  authority_ = std::make_unique<TestAuthority>(root_.path(), "cluster");
  const auto issue = [this](const std::string& name, const std::vector<std::string>& alternative_names) {
    const TestAuthority::Files files = authority_->Issue(name, alternative_names);
    return rpc::TlsFiles{files.ca, files.cert, files.key};
  };
  node_tls_ = issue("nodes", {"IP:127.0.0.1", "URI:holdfast://node/*"});
  operator_tls_ = issue("olga", {"URI:holdfast://operator/olga"});
  client_tls_ = issue("alice", {"DNS:alice.example"});
}

std::string Playground::WriteNodeFile(const NodeFile& file) const {
  const rpc::TlsFiles& tls = file.tls.has_value() ? *file.tls : node_tls_;
  const std::string stem = absl::StrCat(directory_, "/", file.name);
  std::string text = absl::StrFormat(
      "node_id = \"%s\"\nsite = \"%s\"\ndata_dir = \"%s\"\n"
      "[client]\nlisten = \"%s\"\n[peer]\nlisten = \"%s\"\n",
      file.node_id, file.site, stem, file.client_address, file.peer_address);
  if (!file.seeds.empty())
    absl::StrAppend(&text, "seeds = [\"", absl::StrJoin(file.seeds, "\", \""), "\"]\n");
  if (tls.enabled()) {
    absl::StrAppendFormat(&text, "[tls]\nca = \"%s\"\ncert = \"%s\"\nkey = \"%s\"\n", tls.ca, tls.cert,
                          tls.key);
  }
  WriteWhole(stem + ".toml", text);
  return stem + ".toml";
}

void Playground::ReadClusterFile() {
  google::protobuf::Struct cluster;
  const std::string json = ReadWhole(directory_ + "/cluster.json");
  if (!google::protobuf::util::JsonStringToMessage(json, &cluster).ok()) {
    error_ = absl::StrCat("cluster.json is no JSON object: ", json);
    return;
  }
  for (const auto& value : cluster.fields().at("nodes").list_value().values()) {
    const google::protobuf::Struct& entry = value.struct_value();
    Node node;
    node.node_id = Field(entry, "node_id");
    node.site = Field(entry, "site");
    node.role = Field(entry, "role");
    node.address = Field(entry, "address");
    node.peer_address = Field(entry, "peer_address");
    node.data_dir = Field(entry, "data_dir");
    HoldPortOf(node.address);
    HoldPortOf(node.peer_address);
    node.pid = static_cast<pid_t>(entry.fields().at("pid").number_value());
    node.command = CommandLineOf(node.pid);
    if (node.role != "standby") absl::StrAppend(&endpoints_, endpoints_.empty() ? "" : ",", node.address);
    nodes_[node.node_id] = std::move(node);
  }
}

const Playground::Node& Playground::Only(const std::string& role) const {
  for (const auto& [id, node] : nodes_) {
    if (node.role == role) return node;
  }
  HF_CHECK(false, "no node with that role");
}

std::vector<std::string> Playground::ids(const std::string& role, const std::string& site) const {
  std::vector<std::string> found;
  for (const auto& [id, node] : nodes_) {
    if (node.role == role && (site.empty() || node.site == site)) found.push_back(id);
  }
  return found;
}

CommandResult Playground::Holdfast(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {Program("holdfast")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return Run(command, Environment());
}

std::vector<std::string> Playground::Environment() const {
  std::vector<std::string> environment = {absl::StrCat("HOLDFAST_ENDPOINTS=", endpoints_)};
  if (operator_tls_.enabled()) {
    environment.push_back(absl::StrCat("HOLDFAST_CA=", operator_tls_.ca));
    environment.push_back(absl::StrCat("HOLDFAST_CERT=", operator_tls_.cert));
    environment.push_back(absl::StrCat("HOLDFAST_KEY=", operator_tls_.key));
  }
  return environment;
}

std::unique_ptr<client::Client> Playground::ClientOf(const std::vector<std::string>& node_ids,
                                                     absl::Duration timeout) const {
  client::Options options;
  for (const std::string& id : node_ids) options.endpoints.push_back(node(id).address);
  options.timeout = timeout;
  absl::StatusOr<std::unique_ptr<client::Client>> client = client::Connect(std::move(options), client_tls_);
  HF_CHECK(client.ok(), client.status().ToString());
  return *std::move(client);
}

void Playground::Kill(const std::string& node_id) {
  HF_CHECK(StopProcess(std::exchange(nodes_.at(node_id).pid, 0), SIGKILL, kPatience),
           "a killed process stays");
}

void Playground::Terminate(const std::string& node_id) {
  HF_CHECK(StopProcess(std::exchange(nodes_.at(node_id).pid, 0), SIGTERM, kPatience),
           "a node does not end after SIGTERM");
}

void Playground::Signal(const std::string& node_id, int signal_number) {
  const pid_t pid = nodes_.at(node_id).pid;
  HF_CHECK(pid != 0, "the node has ended");  // 0 would be ourselves
  kill(pid, signal_number);
}

void Playground::Restart(const std::string& node_id) {
  Node& node = nodes_.at(node_id);
  node.pid = Spawn(node.command, absl::StrCat(directory_, "/", node_id, ".restarted.log"));
}

bool Playground::WaitServing(const std::string& node_id, absl::Duration patience) const {
  const auto client = ClientOf({node_id}, absl::Seconds(1));
  return Eventually(patience, [&] {
    v1::GetRequest request;
    request.set_key("_holdfast/cluster");
    return client->Get(request).ok();
  });
}

bool Playground::WaitCommitting(absl::Duration patience) {
  const auto client = ClientOf({primary().node_id}, absl::Seconds(2));
  return Eventually(patience, [&] {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("playground/ready");
    mutation.set_put("yes");
    const auto answer = client->Commit(request);
    if (answer.ok()) ready_revision_ = answer->revision();
    return answer.ok();
  });
}

std::string Playground::Logs() const {
  std::string logs;
  std::error_code absent;  // `up` may have failed before it made the directory
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_, absent)) {
    if (entry.path().extension() == ".log")
      absl::StrAppend(&logs, entry.path().string(), ":\n", ReadWhole(entry.path()));
  }
  return logs;
}

}  // namespace holdfast::testing
