#include "tests/process/playground.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/error.h"
#include "client/connect.h"

namespace holdfast::testing {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

std::string Field(const google::protobuf::Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() ? "" : it->second.string_value();
}

}  // namespace

bool TlsByDefault() {
  const char* const wanted = std::getenv("HOLDFAST_TLS");
  return wanted != nullptr && std::string(wanted) == "1";
}

Playground::Playground(const Options& options) {
  const char* const base = std::getenv("TMPDIR");
  std::string pattern = absl::StrCat(base != nullptr ? base : "/tmp", "/holdfast-process-XXXXXX");
  HF_CHECK(mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  root_ = pattern;
  directory_ = root_ + "/cluster";
  if (options.tls) IssueCertificates();
  std::vector<std::string> command = {
      Program("holdfast"), "up", "--dir", directory_, "--detach", "--proxies", absl::StrCat(options.proxies)};
  if (!options.examples) command.push_back("--empty");
  if (options.tls) {
    command.insert(command.end(), {"--ca", node_tls_.ca, "--cert", node_tls_.cert, "--key", node_tls_.key});
  }
  command.insert(command.end(), options.arguments.begin(), options.arguments.end());
  const CommandResult up = Run(command);
  if (up.exit_status != 0) {
    error_ = absl::StrCat("holdfast up: exit status ", up.exit_status, "\n", up.out, up.err);
    return;
  }
  ReadClusterFile();
}

Playground::~Playground() {
  for (auto& [id, node] : nodes_) {
    kill(node.pid, SIGCONT);
    StopProcess(node.pid, SIGKILL, kPatience);
  }
  std::error_code ignored;
  if (std::getenv("HOLDFAST_KEEP") == nullptr) std::filesystem::remove_all(root_, ignored);
}

void Playground::IssueCertificates() {
  authority_ = std::make_unique<TestAuthority>(root_, "cluster");
  const auto issue = [this](const std::string& name, const std::vector<std::string>& alternative_names) {
    const TestAuthority::Files files = authority_->Issue(name, alternative_names);
    return rpc::TlsFiles{files.ca, files.cert, files.key};
  };
  node_tls_ = issue("nodes", {"IP:127.0.0.1", "URI:holdfast://node/*"});
  operator_tls_ = issue("olga", {"URI:holdfast://operator/olga"});
  client_tls_ = issue("alice", {"DNS:alice.example"});
}

std::string Playground::TlsSection() const {
  if (!node_tls_.enabled()) return "";
  return absl::StrCat("[tls]\nca = \"", node_tls_.ca, "\"\ncert = \"", node_tls_.cert, "\"\nkey = \"",
                      node_tls_.key, "\"\n");
}

void Playground::ReadClusterFile() {
  google::protobuf::Struct cluster;
  const std::string json = ReadAll(directory_ + "/cluster.json");
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
  HF_CHECK(StopProcess(nodes_.at(node_id).pid, SIGKILL, kPatience), "a killed process stays");
}

void Playground::Terminate(const std::string& node_id) {
  HF_CHECK(StopProcess(nodes_.at(node_id).pid, SIGTERM, kPatience), "a node does not end after SIGTERM");
}

void Playground::Signal(const std::string& node_id, int signal_number) {
  kill(nodes_.at(node_id).pid, signal_number);
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
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
    if (entry.path().extension() == ".log")
      absl::StrAppend(&logs, entry.path().string(), ":\n", ReadAll(entry.path()));
  }
  return logs;
}

}  // namespace holdfast::testing
