#include "admin/cluster_file.h"
#include "admin/cluster_toml.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kGood[] = R"(# two nodes
[[node]]
node_id = "dc1-a"
site = "dc1"
kind = "server"
client_address = "h1:7400"
peer_address = "h1:7401"

[[node]]
node_id = "dc2-a"
site = "dc2"
kind = "server"
client_address = "h2:7400"
peer_address = "h2:7401"
voter = true
)";

TEST(ClusterTomlTest, ReadsMembersAndWritesThemBack) {
  const auto nodes = ParseClusterToml("cluster.toml", kGood);
  ASSERT_TRUE(nodes.ok()) << nodes.status();
  ASSERT_EQ(nodes->size(), 2u);
  EXPECT_EQ((*nodes)[0].kind(), v1::NODE_KIND_SERVER);
  EXPECT_FALSE((*nodes)[0].voter());
  EXPECT_TRUE((*nodes)[1].voter());
  const auto again = ParseClusterToml("cluster.toml", WriteClusterToml(*nodes));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)[1].SerializeAsString(), (*nodes)[1].SerializeAsString());
}

std::string Fault(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  const auto nodes = ParseClusterToml("cluster.toml", text);
  EXPECT_EQ(ReasonOf(nodes.status()), "INVALID_REQUEST") << text;
  return std::string(nodes.status().message());
}

TEST(ClusterTomlTest, NamesFileAndLineOfWhatIsWrong) {
  EXPECT_THAT(Fault(kGood, "kind = \"server\"", "kind = \"sever\""),
              HasSubstr("cluster.toml:5: kind must be"));
  EXPECT_THAT(Fault(kGood, "site = \"dc1\"", "sight = \"dc1\""),
              HasSubstr("cluster.toml:4: unknown key \"sight\""));
  EXPECT_THAT(Fault(kGood, "site = \"dc1\"\n", ""), HasSubstr("cluster.toml:2: this [[node]] has no site"));
  EXPECT_THAT(Fault(kGood, "\"dc2-a\"", "\"dc1-a\""), HasSubstr("node_id dc1-a is given twice"));
  EXPECT_THAT(Fault(kGood, "\"h2:7400\"", "\"h1:7401\""), HasSubstr("address h1:7401 is given twice"));
  EXPECT_THAT(Fault(kGood, "voter = true", "voter = \"yes\""), HasSubstr("cluster.toml:15: voter must be"));
  EXPECT_THAT(Fault(kGood, "[[node]]", "[[node"), HasSubstr("cluster.toml:2"));
}

TEST(ClusterFileTest, KeepsWhatScriptsReadAndAsksProxiesFirst) {
  ClusterFile cluster;
  cluster.cluster_id = "c0ffee";
  cluster.nodes.push_back({"dc1-a", "dc1", "primary", "h:1", "h:2", "/d/a", "/d/a.toml", "/d/a.log", 41});
  cluster.nodes.push_back({"dc1-p1", "dc1", "proxy", "h:3", "h:4", "/d/p", "/d/p.toml", "/d/p.log", 42});
  cluster.nodes.push_back({"dc2-a", "dc2", "standby", "h:5", "h:6", "/d/s", "/d/s.toml", "/d/s.log", 43});
  const testing::TemporaryDirectory directory;
  const std::string path = directory / "cluster.json";
  ASSERT_TRUE(WriteClusterFile(path, cluster).ok());
  const auto read = ReadClusterFile(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->cluster_id, "c0ffee");
  EXPECT_EQ(read->Find("dc1-p1")->pid, 42);
  EXPECT_EQ(read->Find("dc2-a")->role, "standby");
  EXPECT_EQ(read->Find("dc1-a")->data_dir, "/d/a");
  EXPECT_THAT(read->ClientEndpoints(), ElementsAre("h:3", "h:1"));
}

}  // namespace
}  // namespace holdfast::admin
