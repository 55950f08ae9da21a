#include "tests/process/playground.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/error.h"
#include "client/connect.h"
#include "tests/support/files.h"

namespace holdfast::testing {

bool TlsByDefault() {
  const char* const wanted = std::getenv("HOLDFAST_TLS");
  return wanted != nullptr && std::string(wanted) == "1";
}

Playground::Playground(const Options& options) {
  if (std::getenv("HOLDFAST_KEEP") != nullptr) root_.Keep();
  if (options.tls) IssueCertificates();
  LocalCluster::Options cluster{root_ / "cluster", options.proxies, node_tls_, operator_tls_};
  if (options.failpoints) {
    cluster.failpoints_dir = root_ / "failpoints";
    std::filesystem::create_directory(cluster.failpoints_dir);
  }
  cluster_ = std::make_unique<LocalCluster>(std::move(cluster));
  const absl::Status started = cluster_->Start();
  if (!started.ok()) error_ = std::string(started.message());
}

Playground::~Playground() {
  cluster_->End();
  // Nobody else would hear of them: the nodes are not our children.
  for (const std::string& trouble : cluster_->TakeTroubles()) ADD_FAILURE() << trouble;
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
  const std::string stem = absl::StrCat(directory(), "/", file.name);
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

CommandResult Playground::Promote(const std::string& node, const std::vector<std::string>& more) const {
  std::vector<std::string> command = {"promote", node, "-o", "json"};
  command.insert(command.end(), more.begin(), more.end());
  std::vector<std::string> look = command;
  look.emplace_back("--dry-run");
  const CommandResult plan = Holdfast(look);
  EXPECT_EQ(plan.exit_status, 0) << plan.out << plan.err;
  command.insert(command.end(), {"--yes", "--plan", JsonText(plan.out, "plan_id")});
  return Holdfast(command);
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

}  // namespace holdfast::testing
