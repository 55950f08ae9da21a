// What a promotion rests on: who of the voters can be had, what each of them holds, and what somebody has to
// take upon themselves when too few can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/json_value.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "storage/file_system.h"
#include "storage/store.h"
#include "tests/process/operation_fixture.h"

namespace holdfast::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::CommitRequest Put(const std::string& key, const std::string& request_id) {
  v1::CommitRequest request;
  request.set_request_id(request_id);
  request.add_mutations()->set_key(key);
  request.mutable_mutations(0)->set_put("value of " + key);
  return request;
}

class PromoteVotersTest : public OperationTest {
 protected:
  admin::JsonValue Json(const CommandResult& result) {
    const auto json = admin::ParseJson("plan", result.out);
    EXPECT_TRUE(json.ok()) << result.out << result.err;
    return json.ok() ? *json : admin::JsonValue();
  }
  // The first check that blocks; null if none does.
  admin::JsonValue Blocking(const CommandResult& plan) {
    const admin::JsonValue json = Json(plan);
    if (admin::Member(json, "checks") == nullptr) return {};
    for (const admin::JsonValue& check : admin::Member(json, "checks")->list_value().values()) {
      if (admin::TextOf(check, "outcome") == "BLOCKED") return check;
    }
    return {};
  }
  // A line as an operator types it.
  CommandResult Type(const std::string& line, const std::vector<std::string>& more) {
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    EXPECT_EQ(words.front(), "holdfast");
    words.erase(words.begin());
    words.insert(words.end(), more.begin(), more.end());
    return playground_.Holdfast(words);
  }
  std::string Verdict(const CommandResult& result) {
    const admin::JsonValue json = Json(result);
    const admin::JsonValue* const verdict = admin::Member(json, "verdict");
    return verdict == nullptr ? "" : admin::TextOf(*verdict, "kind");
  }
};

TEST_F(PromoteVotersTest, TheFreshestNodeIsAProxyAndNothingThatItKnowsIsLost) {
  CommitAll(2);
  HoldBack("dc2-a");
  CommitAll(3);
  HoldBack("dc2-b");
  const auto client = playground_.ClientOf({"dc1-a"}, absl::Seconds(1));
  const v1::CommitRequest unheard = Put("only/the-proxy-has-it", client->NewRequestId());
  EXPECT_EQ(ReasonOf(client->Commit(unheard).status()), "COMMIT_UNKNOWN");
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const auto proxy = StatusOf("dc2-p1");
    return proxy && proxy->appended().revision() == StatusOf("dc1-a")->appended().revision();
  }));
  playground_.KillAll(playground_.IdsOf("dc1"));

  const std::string plan = PlanOf({"promote", "dc2-a"});
  Arm("dc2-a", {"promotion.after-step.promises=pause"});
  const auto command = Beside({"promote", "dc2-a", "--yes", "--plan", plan, "-o", "json"});
  ASSERT_TRUE(WaitUntilStopped("dc2-a")) << playground_.Logs();
  Disarm("dc2-b");  // it has promised: from now on it takes records of the new epoch alone
  playground_.Signal("dc2-a", SIGCONT);
  const CommandResult& promoted = command->Result();
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_EQ(Verdict(promoted), "PROVEN 0");
  EXPECT_EQ(JsonText(promoted.out, "harvested_from"), "dc2-p1");
  EXPECT_EQ(admin::NumberOf(Json(promoted), "harvested"), 4);
  // Its client asks again, and hears that it had happened: in the epoch before.
  const auto answer = playground_.ClientOf({"dc2-p1"}, absl::Seconds(20))->Commit(unheard);
  ASSERT_TRUE(answer.ok()) << answer.status() << playground_.Logs();
  EXPECT_EQ(Revision(answer->revision()).epoch(), 0u);
  ExpectOneHistory();
}

TEST_F(PromoteVotersTest, WithOneVoterOfThreeDeadItIsProvenThatNothingIsLost) {
  CommitAll(2);
  HoldBack("dc2-a");
  CommitAll(3);
  std::vector<std::string> lost = playground_.IdsOf("dc1");
  lost.push_back("dc2-b");
  playground_.KillAll(lost);
  const CommandResult promoted = CarryOut({"promote", "dc2-a"});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_EQ(Verdict(promoted), "PROVEN 0");
  EXPECT_EQ(admin::NumberOf(Json(promoted), "harvested"), 3);
  ExpectOneHistory();
  ExpectHonest("dc2-a");
}

TEST_F(PromoteVotersTest, WithTwoVotersDeadItIsRefusedUntilSomebodyTakesTheLossUponThemselves) {
  CommitAll(2);
  HoldBack("dc2-a");
  // Acknowledged, and held by nobody who will be left.
  const auto client = playground_.ClientOf({"dc1-a"});
  for (const char* const key : {"lost/1", "lost/2"})
    ASSERT_TRUE(client->Commit(Put(key, client->NewRequestId())).ok());
  std::vector<std::string> lost = playground_.IdsOf("dc1");
  lost.insert(lost.end(), {"dc2-b", "dc2-p1"});
  playground_.KillAll(lost);
  // Nobody else is left to be asked for the members.
  const std::vector<std::string> anywhere = {"--endpoints", playground_.node("dc2-a").peer_address, "-o",
                                             "json"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), anywhere.begin(), anywhere.end());
    return more;
  };

  CommandResult plan = Type("holdfast promote dc2-a", with({"--dry-run"}));
  EXPECT_EQ(plan.exit_status, 4) << plan.out << plan.err;
  const admin::JsonValue refusal = Blocking(plan);
  EXPECT_EQ(admin::TextOf(refusal, "name"), "promises");
  EXPECT_EQ(admin::TextOf(refusal, "node_id"), "dc2-b, dc2-p1");
  EXPECT_THAT(admin::TextOf(refusal, "seen"), HasSubstr("only 1 of the 2 promises"));
  EXPECT_THAT(admin::TextOf(refusal, "needed"), HasSubstr("promises of 2 of {dc2-a, dc2-b, dc2-p1}"));
  EXPECT_EQ(admin::TextOf(refusal, "next_command"), "holdfast promote dc2-a --accept-unknown-loss");

  // The next command each time, to the letter; nothing else was changed meanwhile.
  std::string next = "holdfast promote dc2-a";
  for (int refusals = 0; refusals < 3 && plan.exit_status == 4; ++refusals) {
    next = admin::TextOf(Blocking(plan), "next_command");
    plan = Type(next, with({"--dry-run"}));
  }
  EXPECT_EQ(next, "holdfast promote dc2-a --accept-unknown-loss --accept-local");
  ASSERT_EQ(plan.exit_status, 0) << plan.out << plan.err;
  EXPECT_EQ(Verdict(plan), "UNKNOWN");
  const CommandResult promoted =
      Type(next, with({"--reason", "dc1 burnt down", "--yes", "--plan", JsonText(plan.out, "plan_id")}));
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_EQ(Verdict(promoted), "UNKNOWN");
  const CommandResult listed = Type("holdfast operation list", anywhere);
  EXPECT_THAT(listed.out, AllOf(HasSubstr("\"--accept-unknown-loss\""), HasSubstr("\"--accept-local\""),
                                HasSubstr("dc1 burnt down")));

  // And in the log for ever.
  playground_.Terminate("dc2-a");
  {
    storage::Store::Options options;
    options.data_dir = playground_.node("dc2-a").data_dir;
    options.files = storage::PosixFileSystem();
    options.clock = RealClock();
    options.random = SystemRandom();
    const auto store = storage::Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    const auto newest = (*store)->milestones().back();
    ASSERT_TRUE(newest.epoch.has_value());
    EXPECT_THAT(newest.epoch->overrides(), ElementsAre("--accept-unknown-loss", "--accept-local"));
    EXPECT_EQ(newest.epoch->waived_rules_size(), 1);
    EXPECT_EQ(newest.epoch->reason(), "dc1 burnt down");
  }
  // What was lost comes back with those who held it, as salvage.
  ExpectOneHistory();
  v1::GetRequest get;
  get.set_key("lost/1");
  EXPECT_EQ(ReasonOf(playground_.ClientOf({"dc2-p1"})->Get(get).status()), "KEY_NOT_FOUND");
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const auto files = admin_->ListSalvage(playground_.node("dc2-p1").peer_address, absl::Seconds(2));
    return files.ok() && !files->empty();
  })) << playground_.Logs();
}

TEST_F(PromoteVotersTest, AVoterWhoseFileWasSetAsideCountsForNothingUntilARecordAdmitsIt) {
  CommitAll(2);
  playground_.Kill("dc2-b");
  const std::string data_dir = playground_.node("dc2-b").data_dir;
  std::filesystem::remove_all(data_dir);
  std::filesystem::create_directory(data_dir);
  playground_.Restart("dc2-b");
  CommitAll(1);
  const auto holds_all = [&] {
    const auto status = StatusOf("dc2-b");
    const auto primary = StatusOf("dc1-a");
    return status && primary && status->upstream_connected() &&
           status->appended().revision() == primary->appended().revision();
  };
  ASSERT_TRUE(Eventually(kPatience, holds_all)) << playground_.Logs();
  std::vector<std::string> lost = playground_.IdsOf("dc1");
  lost.push_back("dc2-p1");
  playground_.KillAll(lost);
  const std::vector<std::string> look = {
      "promote", "dc2-a", "--dry-run", "-o", "json", "--endpoints", playground_.node("dc2-a").peer_address};

  // It holds everything, and nobody can know that it does.
  const CommandResult refused = playground_.Holdfast(look);
  EXPECT_EQ(refused.exit_status, 4) << refused.out << refused.err;
  EXPECT_EQ(Verdict(refused), "UNKNOWN");
  EXPECT_THAT(refused.out, HasSubstr("has lost what it had acknowledged"));
  EXPECT_EQ(admin::TextOf(Blocking(refused), "node_id"), "dc2-b, dc2-p1");

  for (const std::string& node : lost) playground_.Restart(node);
  EXPECT_EQ(WaitForPrimary(), "dc1-a");
  CommandResult admitted;
  EXPECT_TRUE(
      Eventually(kPatience,
                 [&] {
                   admitted = playground_.Holdfast({"nodes", "set", "--voters", "dc2-a,dc2-b,dc2-p1"});
                   return admitted.exit_status == 0;
                 }))
      << admitted.out << admitted.err << playground_.Logs();
  playground_.KillAll(lost);
  CommandResult plan;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           plan = playground_.Holdfast(look);
                           return plan.exit_status == 0;
                         }))
      << plan.out << plan.err;
  EXPECT_EQ(Verdict(plan), "PROVEN 0");
  const CommandResult promoted = playground_.Holdfast({"promote", "dc2-a", "-o", "json", "--yes", "--plan",
                                                       JsonText(plan.out, "plan_id"), "--endpoints",
                                                       playground_.node("dc2-a").peer_address});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  ExpectOneHistory();
}

}  // namespace
}  // namespace holdfast::testing
