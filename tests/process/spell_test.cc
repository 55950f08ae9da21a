// A planned spell of local: it ends by itself, a promotion after it is proven, and one during it is not, but
// what it cost is kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SpellTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    ASSERT_TRUE(playground_.WaitCommitting(kPatience)) << playground_.Logs();
  }
  std::string Durability() { return playground_.Holdfast({"durability", "-o", "json"}).out; }
  bool Put(const std::string& node, const std::string& value, absl::Duration timeout = absl::Seconds(10)) {
    const auto client = playground_.ClientOf({node}, timeout);
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("k");
    mutation.set_put(value);
    const auto answer = client->Commit(request);
    if (answer.ok()) was_local_ = answer->local();
    return answer.ok();
  }
  std::string Get(const std::string& node) {
    v1::GetRequest request;
    request.set_key("k");
    const auto answer = playground_.ClientOf({node})->Get(request);
    return answer.ok() ? answer->kv().value() : std::string(answer.status().message());
  }
  void BeginSpell(const std::string& length) {
    const CommandResult begun =
        playground_.Holdfast({"durability", "local", "--for", length, "--reason", "line works"});
    ASSERT_EQ(begun.exit_status, 0) << begun.out << begun.err << playground_.Logs();
    EXPECT_THAT(begun.out, HasSubstr("LOCAL spell"));
    EXPECT_THAT(begun.out, HasSubstr("line works"));
  }

  Playground playground_{{.proxies = 1}};
  bool was_local_ = false;
};

TEST_F(SpellTest, ASpellEndsByItselfAndAPromotionAfterItIsProven) {
  const std::string primary = playground_.primary().node_id;
  EXPECT_THAT(Durability(), HasSubstr("\"quorum\": 2"));
  const CommandResult refused =
      playground_.Holdfast({"nodes", "set", "--voters", "none", "--q", "0", "--reason", "for ever"});
  EXPECT_EQ(refused.exit_status, 4) << refused.out << refused.err;
  BeginSpell("6s");
  // The voters are away for the work that was planned.
  for (const std::string& node : playground_.IdsOf("dc2")) playground_.Signal(node, SIGSTOP);
  ASSERT_TRUE(Put(primary, "in the spell"));
  EXPECT_TRUE(was_local_);
  // Its time is over, and nobody confirms that: no commit is acknowledged any more.
  ASSERT_TRUE(Eventually(kPatience, [&] { return !Put(primary, "too late", absl::Seconds(1)); }));
  for (const std::string& node : playground_.IdsOf("dc2")) playground_.Signal(node, SIGCONT);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Put(primary, "after it", absl::Seconds(2)); }))
      << Durability() << playground_.Logs();
  EXPECT_FALSE(was_local_);
  const std::string now = Durability();
  EXPECT_THAT(now, HasSubstr("ended by itself"));
  EXPECT_THAT(now, HasSubstr("\"quorum\": 2"));
  EXPECT_THAT(now, Not(HasSubstr("\"spell\"")));

  for (const std::string& node : playground_.IdsOf("dc1")) playground_.Kill(node);
  const CommandResult promoted = playground_.Promote("dc2-a");
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_THAT(promoted.out, HasSubstr("\"kind\": \"PROVEN 0\""));
  EXPECT_EQ(Get(playground_.ids("proxy", "dc2")[0]), "after it");
}

TEST_F(SpellTest, APromotionDuringASpellIsUnknownAndWhatWasLostGoesToSalvage) {
  const std::string primary = playground_.primary().node_id;
  BeginSpell("1h");
  EXPECT_THAT(playground_.Holdfast({"status"}).out, HasSubstr("LOCAL spell"));
  const CommandResult longer = playground_.Holdfast({"durability", "local", "--extend", "1h"});
  EXPECT_EQ(longer.exit_status, 0) << longer.err;
  EXPECT_THAT(longer.out, AnyOf(HasSubstr("1 h 59 min"), HasSubstr("2 h")));
  // Ended, not stopped: what a kernel has received for a stopped node would reach it yet.
  for (const std::string& node : playground_.IdsOf("dc2")) playground_.Kill(node);
  ASSERT_TRUE(Put(primary, "only at the primary"));
  for (const std::string& node : playground_.IdsOf("dc1")) playground_.Kill(node);
  for (const std::string& node : playground_.IdsOf("dc2")) playground_.Restart(node);
  const std::string proxy = playground_.ids("proxy", "dc2")[0];
  ASSERT_TRUE(playground_.WaitServing(proxy, kPatience)) << playground_.Logs();
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return playground_.Holdfast({"promote", "dc2-a", "--dry-run"}).out.find("local spell") !=
           std::string::npos;
  })) << playground_.Logs();

  const CommandResult refused = playground_.Holdfast({"promote", "dc2-a"});
  EXPECT_EQ(refused.exit_status, 4) << refused.out << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("--accept-unknown-loss"));
  EXPECT_THAT(refused.out, HasSubstr("local spell"));
  const CommandResult promoted = playground_.Promote("dc2-a", {"--accept-unknown-loss"});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_THAT(promoted.out, HasSubstr("\"kind\": \"UNKNOWN\""));
  const std::string now = Durability();
  EXPECT_THAT(now, Not(HasSubstr("\"spell\"")));
  EXPECT_THAT(now, Not(HasSubstr("\"quorum\": 0")));

  playground_.Restart(primary);
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {
                           return playground_.Holdfast({"rejoin", primary}).exit_status == 0;
                         }))
      << playground_.Holdfast({"status"}).out << playground_.Logs();
  const CommandResult salvage = playground_.Holdfast({"salvage", "list"});
  EXPECT_THAT(salvage.out, HasSubstr(primary)) << salvage.err;
  EXPECT_NE(Get(proxy), "only at the primary");
}

}  // namespace
}  // namespace holdfast::testing
