// A cluster set up by hand (configuration files, `init`, `nodes add|remove|set`) is the one that `up` makes.
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "admin/processes.h"
#include "client/connect.h"
#include "holdfast/v1/record.pb.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

struct Member {
  std::string node_id;
  std::string site;
  std::string kind;  // as `nodes add --kind` takes it
  std::string client_address;
  std::string peer_address;
  pid_t pid = 0;
};

// What is replicated of the cluster itself, without what must differ: addresses, random ids, who set the rule
// last and when, and the slots to lend, which a proxy that is added gets later.
std::map<std::string, std::string> Replicated(client::Client& client) {
  std::map<std::string, std::string> found;
  v1::ListRequest request;
  request.set_key("_holdfast/");
  request.set_range_end("_holdfast0");
  const auto listed = client.ListAll(request, [&](v1::KeyValue& kv) {
    const bool is_cluster = kv.key() == "_holdfast/cluster";
    v1::ClusterInfo cluster;
    v1::NodeInfo node;
    if (is_cluster) {
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(kv.value(), &cluster).ok()) << kv.value();
      cluster.clear_cluster_id();
      cluster.clear_rule_origin();
      cluster.clear_next_slot();
      for (v1::Voter& voter : *cluster.mutable_rule()->mutable_voters()) voter.clear_incarnation();
      found[kv.key()] = cluster.DebugString();
    } else {
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(kv.value(), &node).ok()) << kv.value();
      if (!node.incarnation().empty()) node.set_incarnation("some");
      if (node.kind() == v1::NODE_KIND_PROXY) {
        node.clear_slot();
        node.clear_incarnation();
      }
      node.clear_client_address();
      node.clear_peer_address();
      found[kv.key()] = node.DebugString();
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(listed.ok()) << listed.status();
  return found;
}

class ByHandTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(playground_.ok()) << playground_.error(); }
  ~ByHandTest() override {
    for (auto& [id, member] : members_) StopProcess(member.pid, SIGKILL, kPatience);
  }

  // Writes the member's file and starts its program.
  void Start(const std::string& node_id, const std::string& site, const std::string& kind) {
    const size_t number = 2 * members_.size();
    Member& member = members_[node_id] = {node_id, site, kind, free_.at(number), free_.at(number + 1)};
    const std::string name = absl::StrCat("hand-", node_id);
    const std::string file =
        playground_.WriteNodeFile({name, node_id, site, member.client_address, member.peer_address, Seeds()});
    const std::string program = kind == "proxy" ? "holdfast-proxy" : "holdfast-primary";
    member.pid =
        Spawn({Program(program), "--config", file}, absl::StrCat(playground_.directory(), "/", name, ".log"));
  }

  std::vector<std::string> Seeds() const {
    const auto first = members_.find("dc1-a");
    if (first == members_.end() || first->second.pid == 0) return {};
    return {first->second.peer_address};
  }

  CommandResult Holdfast(const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {Program("holdfast"), "--endpoints",
                                        members_.at("dc1-a").client_address};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return testing::Run(command, playground_.Environment());
  }

  void Add(const std::string& node_id) {
    const Member& member = members_.at(node_id);
    const CommandResult add =
        Holdfast({"nodes", "add", node_id, "--site", member.site, "--kind", member.kind, "--client-address",
                  member.client_address, "--peer-address", member.peer_address});
    ASSERT_EQ(add.exit_status, 0) << add.out << add.err << playground_.Logs();
  }

  void Init(const std::vector<std::string>& node_ids) {
    const std::string path = playground_.directory() + "/hand-cluster.toml";
    std::ofstream file(path);
    for (const std::string& node_id : node_ids) {
      const Member& member = members_.at(node_id);
      file << absl::StrFormat(
          "[[node]]\nnode_id = \"%s\"\nsite = \"%s\"\nkind = \"%s\"\nclient_address = \"%s\"\n"
          "peer_address = \"%s\"\n",
          node_id, member.site, member.kind, member.client_address, member.peer_address);
    }
    file.close();
    CommandResult init;
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             init = Holdfast({"init", "--cluster", path, "--primary", "dc1-a"});
                             return init.exit_status == 0;
                           }))
        << init.out << init.err << playground_.Logs();
  }

  std::unique_ptr<client::Client> ClientOf(const std::string& node_id) {
    client::Options options;
    options.endpoints = {members_.at(node_id).client_address};
    auto client = client::Connect(std::move(options), playground_.client_tls());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // How the last line of `verify` begins: the count of nodes, and whether they agree.
  static std::string Verdict(const CommandResult& verify) {
    return verify.out.substr(verify.out.rfind('\n', verify.out.size() - 2) + 1, sizeof("7 nodes agree") - 1);
  }

  Playground playground_;
  const std::vector<std::string> free_ = FreeAddresses(16);  // two a member
  std::map<std::string, Member> members_;
};

TEST_F(ByHandTest, InitNodesAndFilesGiveTheClusterThatUpMakes) {
  Start("dc1-a", "dc1", "server");
  Start("dc2-a", "dc2", "server");
  Init({"dc1-a", "dc2-a"});
  // In whatever order, and with a detour.
  Start("dc2-b", "dc2", "server");
  Start("dc2-p1", "dc2", "proxy");
  Start("dc2-p9", "dc2", "proxy");
  Start("dc2-p2", "dc2", "proxy");
  Start("dc1-p2", "dc1", "proxy");
  Start("dc1-p1", "dc1", "proxy");
  for (const char* node_id : {"dc2-b", "dc2-p1", "dc2-p9", "dc2-p2", "dc1-p2", "dc1-p1"}) Add(node_id);
  CommandResult set;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {  // voters must hold the log first (R21)
                           set = Holdfast({"nodes", "set", "--voters", "dc2-a,dc2-b,dc2-p1", "--q", "2"});
                           return set.exit_status == 0;
                         }))
      << set.out << set.err << playground_.Logs();
  const CommandResult remove = Holdfast({"nodes", "remove", "dc2-p9"});
  ASSERT_EQ(remove.exit_status, 0) << remove.out << remove.err;
  EXPECT_TRUE(StopProcess(std::exchange(members_.at("dc2-p9").pid, 0), SIGTERM, kPatience));

  const CommandResult verify = Holdfast({"verify", "--wait", "60s"});
  EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err << playground_.Logs();
  const CommandResult other = playground_.Holdfast({"verify", "--wait", "60s"});
  EXPECT_EQ(other.exit_status, 0) << other.out << other.err << playground_.Logs();
  EXPECT_EQ(Verdict(verify), Verdict(other));
  EXPECT_EQ(Verdict(other), "7 nodes agree");
  EXPECT_EQ(Replicated(*ClientOf("dc2-p2")), Replicated(*playground_.ClientOf({"dc2-p2"})));
  for (const std::string role : {"primary", "standby", "proxy"}) {
    for (const std::string& node_id : playground_.ids(role)) {
      EXPECT_EQ(admin::CommandLineOf(members_.at(node_id).pid)[0], playground_.node(node_id).command[0])
          << node_id;
    }
  }
}

}  // namespace
}  // namespace holdfast::testing
