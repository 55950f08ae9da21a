// What the server programs say before they start: nothing listens here.
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/process/process.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

class CommandLineTest : public ::testing::Test {
 protected:
  // A node's file that listens at `host`, with `more` at its end.
  std::string Write(const std::string& host, const std::string& more = "") {
    const std::string path = directory_.path() + "/node.toml";
    std::ofstream(path) << "node_id = \"n1\"\nsite = \"dc1\"\ndata_dir = \"data\"\n"
                        << "[client]\nlisten = \"" << host << ":7400\"\nadvertise = \"n1.example:7400\"\n"
                        << "[peer]\nlisten = \"" << host << ":7401\"\nadvertise = \"n1.example:7401\"\n"
                        << more;
    return path;
  }
  CommandResult Check(const std::string& path, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {Program("holdfast-proxy"), "--config", path, "--check-config"};
    command.insert(command.end(), more.begin(), more.end());
    return testing::Run(command);
  }

  TemporaryDirectory directory_;
};

TEST_F(CommandLineTest, RefusesToListenBeyondLoopbackWithoutTls) {
  const CommandResult refused = Check(Write("0.0.0.0"));
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.err, HasSubstr("refusing to listen at 0.0.0.0:7400 without TLS"));
  EXPECT_THAT(refused.err, HasSubstr("--insecure"));
  EXPECT_EQ(Check(Write("127.0.0.1")).exit_status, 0);
}

TEST_F(CommandLineTest, InsecureAllowsIt) {
  const CommandResult allowed = Check(Write("0.0.0.0"), {"--insecure"});
  EXPECT_EQ(allowed.exit_status, 0) << allowed.err;
}

TEST_F(CommandLineTest, InsecureContradictsTls) {
  const std::string tls = "[tls]\nca = \"ca.pem\"\ncert = \"c.pem\"\nkey = \"k.pem\"\n";
  const CommandResult refused = Check(Write("0.0.0.0", tls), {"--insecure"});
  EXPECT_EQ(refused.exit_status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--insecure contradicts [tls]"));
}

}  // namespace
}  // namespace holdfast::testing
