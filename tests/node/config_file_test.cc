#include "node/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::node {
namespace {

constexpr char kGood[] = R"(node_id = "dc1-a"
site = "dc1"
data_dir = "data"
[client]
listen = "127.0.0.1:7400"
[peer]
listen = "127.0.0.1:7401"
advertise = "dc1-a:7401"
seeds = ["dc2-a:7401", "dc2-b:7401"]
)";

TEST(NodeConfigTest, MayNameItsCluster) {
  EXPECT_EQ(ParseNodeConfig(kGood, "/etc/node.toml")->cluster_id, "");
  const auto config = ParseNodeConfig(absl::StrCat("cluster_id = \"c1\"\n", kGood), "/etc/node.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->cluster_id, "c1");
}

std::string ErrorOf(const std::string& text) {
  const absl::StatusOr<NodeConfig> config = ParseNodeConfig(text, "/etc/node.toml");
  return config.ok() ? "OK" : std::string(config.status().message());
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(ConfigFileTest, ReadsEveryField) {
  const absl::StatusOr<NodeConfig> config = ParseNodeConfig(
      std::string(kGood) +
          "[tls]\nca = \"ca.pem\"\ncert = \"/c.pem\"\nkey = \"k.pem\"\n[log]\nformat = \"json\"\n",
      "/etc/node.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node_id, "dc1-a");
  EXPECT_EQ(config->data_dir, "/etc/data");
  EXPECT_EQ(config->client.advertise, "127.0.0.1:7400");
  EXPECT_EQ(config->peer.advertise, "dc1-a:7401");
  EXPECT_THAT(config->seeds, testing::ElementsAre("dc2-a:7401", "dc2-b:7401"));
  EXPECT_EQ(config->tls_ca, "/etc/ca.pem");
  EXPECT_EQ(config->tls_cert, "/c.pem");
  EXPECT_EQ(config->log_format, "json");
}

TEST(ConfigFileTest, NamesFileAndLineOfABadLine) {
  EXPECT_THAT(ErrorOf("node_id = \"a\"\nsite = dc1\n"), testing::StartsWith("/etc/node.toml:2: "));
}

TEST(ConfigFileTest, NamesAnUnknownKeyWithItsLine) {
  EXPECT_THAT(ErrorOf(Replaced(kGood, "seeds", "sedes")),
              testing::StartsWith("/etc/node.toml:9: unknown key peer.sedes"));
}

TEST(ConfigFileTest, NamesAMissingKey) {
  EXPECT_THAT(ErrorOf(Replaced(kGood, "site = \"dc1\"\n", "")), testing::HasSubstr("missing site"));
  EXPECT_THAT(ErrorOf(Replaced(kGood, "[client]\nlisten = \"127.0.0.1:7400\"\n", "")),
              testing::HasSubstr("missing client.listen"));
}

TEST(ConfigFileTest, RefusesAWrongType) {
  EXPECT_THAT(ErrorOf(Replaced(kGood, "\"dc1-a\"", "7")), testing::HasSubstr(":1: node_id must be a text"));
  EXPECT_THAT(ErrorOf(Replaced(kGood, "[\"dc2-a:7401\", \"dc2-b:7401\"]", "\"dc2-a:7401\"")),
              testing::HasSubstr("peer.seeds must be a list of texts"));
}

TEST(ConfigFileTest, RefusesContradictions) {
  EXPECT_THAT(ErrorOf(Replaced(kGood, "127.0.0.1:7401", "127.0.0.1:7400")),
              testing::AllOf(testing::StartsWith("/etc/node.toml:7: "), testing::HasSubstr("two listeners")));
  EXPECT_THAT(ErrorOf(std::string("insecure = true\n") + kGood + "[tls]\nca=\"a\"\ncert=\"b\"\nkey=\"c\"\n"),
              testing::StartsWith("/etc/node.toml:1: insecure = true contradicts [tls]"));
  EXPECT_THAT(ErrorOf(std::string(kGood) + "[tls]\nca=\"a\"\n"),
              testing::HasSubstr("needs all of ca, cert and key"));
}

TEST(ConfigFileTest, RefusesAnUnknownLogFormat) {
  EXPECT_THAT(ErrorOf(std::string(kGood) + "[log]\nformat = \"xml\"\n"),
              testing::HasSubstr("log.format must be one of text, json, not 'xml'"));
}

TEST(ConfigFileTest, SaysThatAFileIsNotThere) {
  const absl::StatusOr<NodeConfig> config = ReadNodeConfig("/nowhere/node.toml");
  EXPECT_EQ(ReasonOf(config.status()), "IO_ERROR");
}

}  // namespace
}  // namespace holdfast::node
