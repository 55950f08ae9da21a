// The primary's site and both standbys are lost: a new server takes a copy from a proxy and is promoted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

// Ended with the test.
class NodeProcess {
 public:
  explicit NodeProcess(pid_t pid) : pid_(pid) {}
  ~NodeProcess() {
    int died_of = 0;
    EXPECT_TRUE(EndProcess(pid_, SIGTERM, kPatience, &died_of));
    EXPECT_EQ(died_of, 0);
  }

 private:
  const pid_t pid_;
};

TEST(SeedTest, WithOnlyProxiesLeftANewServerIsSeededFromOneAndPromoted) {
  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  ASSERT_TRUE(playground.WaitCommitting(kPatience)) << playground.Logs();
  const std::vector<std::string> proxies = playground.ids("proxy", "dc2");
  for (const std::string& proxy : proxies) {  // both hold what was acknowledged
    const auto client = playground.ClientOf({proxy});
    client->Observe(playground.ready_revision());
    v1::GetRequest request;
    request.set_key("playground/ready");
    ASSERT_TRUE(client->Get(request).ok()) << proxy;
  }
  for (const char* role : {"primary", "standby"}) {
    for (const std::string& id : playground.ids(role)) playground.Kill(id);
  }
  for (const std::string& id : playground.ids("proxy", "dc1")) playground.Kill(id);

  // A new machine in the place of a lost one, with an empty disk: it knows proxies only.
  const std::string server = "dc2-a";
  Playground::NodeFile file;
  file.name = "new-machine";
  file.node_id = server;
  file.site = "dc2";
  file.client_address = playground.node(server).address;
  file.peer_address = playground.node(server).peer_address;
  for (const std::string& proxy : proxies) file.seeds.push_back(playground.node(proxy).peer_address);
  const std::string path = playground.WriteNodeFile(file);
  const NodeProcess process(Spawn({Program("holdfast-primary"), "--config", path}, path + ".log"));
  CommandResult seeded;
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {
                           seeded = playground.Holdfast({"nodes", "seed", server, "--from", proxies[1]});
                           return seeded.exit_status == 0;
                         }))
      << seeded.out << seeded.err << playground.Logs();
  EXPECT_THAT(seeded.out, HasSubstr("holdfast promote dc2-a --dry-run"));
  const CommandResult again = playground.Holdfast({"nodes", "seed", "dc2-b", "--from", proxies[1]});
  EXPECT_NE(again.exit_status, 0) << "it is lent for ever, and dc2-b is gone";

  // One voter of three proves nothing, and says so.
  const CommandResult refused = playground.Holdfast({"promote", server});
  EXPECT_EQ(refused.exit_status, 4) << refused.out << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("only 1 of the 2 promises"));
  EXPECT_THAT(refused.out, HasSubstr("--accept-unknown-loss"));
  std::vector<std::string> command = {"promote", server, "-o", "json", "--accept-unknown-loss"};
  std::vector<std::string> look = command;
  look.push_back("--dry-run");
  const CommandResult plan = playground.Holdfast(look);
  ASSERT_EQ(plan.exit_status, 0) << plan.out << plan.err;
  for (const std::string& part : {std::string("--yes"), std::string("--plan"), JsonText(plan.out, "plan_id")})
    command.push_back(part);
  const CommandResult promoted = playground.Holdfast(command);
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground.Logs();
  EXPECT_THAT(promoted.out, HasSubstr("\"kind\": \"UNKNOWN\""));

  const auto client = playground.ClientOf(proxies, absl::Seconds(20));
  v1::GetRequest ready;
  ready.set_key("playground/ready");
  EXPECT_TRUE(client->Get(ready).ok()) << "what was acknowledged is there";
  v1::CommitRequest request;
  v1::Mutation& mutation = *request.add_mutations();
  mutation.set_key("k");
  mutation.set_put("at the new one");
  const auto answer = client->Commit(request);
  ASSERT_TRUE(answer.ok()) << answer.status() << playground.Logs();
  EXPECT_FALSE(answer->local()) << "the proxies vote";
}

}  // namespace
}  // namespace holdfast::testing
