#include "tests/admin/fake_cluster.h"

#include <filesystem>

#include "google/protobuf/util/json_util.h"

namespace holdfast::admin {
namespace {

v1::NodeInfo Info(const std::string& node_id, const std::string& site, v1::NodeKind kind) {
  v1::NodeInfo info;
  info.set_node_id(node_id);
  info.set_site(site);
  info.set_kind(kind);
  return info;
}

void PutJson(v1::CommitRequest& request, const std::string& key, const google::protobuf::Message& message) {
  v1::Mutation& mutation = *request.add_mutations();
  mutation.set_key(key);
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(message, mutation.mutable_put()).ok());
}

}  // namespace

FakeClusterTest::FakeClusterTest() {
  primary_ =
      std::make_unique<FakeNode>(&store_, Info("dc1-a", "dc1", v1::NODE_KIND_SERVER), v1::NODE_ROLE_PRIMARY);
  standby_ =
      std::make_unique<FakeNode>(&store_, Info("dc2-a", "dc2", v1::NODE_KIND_SERVER), v1::NODE_ROLE_STANDBY);
  proxy_ =
      std::make_unique<FakeNode>(&store_, Info("dc2-p1", "dc2", v1::NODE_KIND_PROXY), v1::NODE_ROLE_PROXY);
  proxy_->primary_client_address = primary_->info().client_address();

  v1::ClusterInfo cluster;
  cluster.set_cluster_id("c0ffee");
  cluster.set_primary_node_id("dc1-a");
  cluster.mutable_rule()->set_quorum(1);
  cluster.mutable_rule()->add_voters()->set_node_id("dc2-a");
  v1::CommitRequest inventory;
  inventory.set_request_id("inventory");
  PutJson(inventory, "_holdfast/cluster", cluster);
  for (FakeNode* node : {primary_.get(), standby_.get(), proxy_.get()}) {
    PutJson(inventory, "_holdfast/nodes/" + node->info().node_id(), node->info());
    *node->status.mutable_rule() = cluster.rule();
    node->status.set_primary_node_id("dc1-a");
    node->status.set_primary_peer_address(primary_->info().peer_address());
    if (node == primary_.get()) continue;
    node->status.set_upstream_node_id("dc1-a");
    node->status.set_upstream_connected(true);
  }
  EXPECT_TRUE(store_.Commit(inventory).ok());
}

FakeClusterTest::Outcome FakeClusterTest::Run(const std::vector<std::string>& arguments,
                                              const std::string& input) {
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in(input);
  Environment environment;
  environment.out = &out;
  environment.err = &err;
  environment.in = &in;
  environment.user = "olga";
  environment.host = "desk";
  environment.out_is_terminal = environment.err_is_terminal = terminal_;
  if (terminal_) environment.variables = {{"NO_COLOR", "1"}};
  environment.variables.insert(variables_.begin(), variables_.end());
  environment.variables.insert({"HOLDFAST_ENDPOINTS", proxy_->info().client_address()});
  environment.variables.insert({"HOLDFAST_DIR", "/nonexistent"});
  Outcome outcome;
  outcome.code = static_cast<int>(RunCommandLine(arguments, environment));
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

std::string FakeClusterTest::Out(const std::vector<std::string>& arguments) {
  const Outcome outcome = Run(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return outcome.out;
}

std::string FakeClusterTest::TemporaryFolder() {
  const std::string folder = directory_ / std::to_string(++folder_count_);
  std::filesystem::create_directory(folder);
  return folder;
}

}  // namespace holdfast::admin
