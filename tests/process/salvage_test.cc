// What a lost primary alone held is kept when it comes back, known to the cluster, compared with what was
// done meanwhile, and committed again where nobody has touched it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class SalvageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    old_ = playground_.primary().node_id;
    dc1_ = playground_.IdsOf("dc1");
    dc2_ = playground_.IdsOf("dc2");
  }

  absl::Status Put(const std::string& node, const std::string& key, const std::string& value,
                   absl::Duration timeout = absl::Seconds(20), const std::string& request_id = "") {
    v1::CommitRequest request;
    request.set_request_id(request_id);
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(key);
    mutation.set_put(value);
    request.set_author("alice");
    request.set_message("change " + key);
    return playground_.ClientOf({node}, timeout)->Commit(request).status();
  }
  std::string Get(const std::string& node, const std::string& key) {
    v1::GetRequest request;
    request.set_key(key);
    const auto answer = playground_.ClientOf({node})->Get(request);
    return answer.ok() ? answer->kv().value() : "(" + ReasonOf(answer.status()) + ")";
  }

  // Commits that the old primary alone has: nobody else runs when it takes them, and it ends before anybody
  // does.
  void LoseCommits(const std::vector<std::pair<std::string, std::string>>& commits,
                   const std::string& request_id = "") {
    for (const std::string& node : dc1_) {
      if (node != old_) playground_.Kill(node);
    }
    for (const std::string& node : dc2_) playground_.Kill(node);
    for (const auto& [key, value] : commits) {
      const absl::Status status = Put(old_, key, value, absl::Seconds(2), request_id);
      EXPECT_EQ(ReasonOf(status), "COMMIT_UNKNOWN") << status;
    }
    playground_.Kill(old_);
    for (const std::string& node : dc2_) playground_.Restart(node);
    for (const std::string& proxy : playground_.ids("proxy", "dc2"))
      ASSERT_TRUE(playground_.WaitServing(proxy, kPatience)) << playground_.Logs();
  }
  void Promote(const std::string& node) {
    // The nodes of the site come up one by one, and each makes another plan.
    CommandResult promoted;
    ASSERT_TRUE(Eventually(
        kPatience,
        [&] {
          const CommandResult plan = playground_.Holdfast({"promote", node, "-o", "json", "--dry-run"});
          if (plan.exit_status != 0) return false;
          promoted = playground_.Holdfast(
              {"promote", node, "-o", "json", "--yes", "--plan", JsonText(plan.out, "plan_id")});
          // INCOMPLETE: the nodes of the lost site have not come.
          return promoted.exit_status == 0 || promoted.exit_status == 6 ||
                 JsonText(promoted.out, "reason") != "PLAN_CHANGED";
        }))
        << promoted.out << promoted.err << playground_.Logs();
    ASSERT_TRUE(promoted.exit_status == 0 || promoted.exit_status == 6)
        << promoted.out << promoted.err << playground_.Logs();
  }
  void ReturnAndRejoin() {
    for (const std::string& node : dc1_) playground_.Restart(node);
    CommandResult rejoined;
    ASSERT_TRUE(Eventually(kPatience,
                           [&] {
                             rejoined = playground_.Holdfast({"rejoin", old_, "--deadline", "20s"});
                             return rejoined.exit_status == 0;
                           }))
        << rejoined.out << rejoined.err << playground_.Logs();
  }
  // The one file of the old primary, once it is registered.
  std::string RegisteredFile() {
    CommandResult list;
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             list = playground_.Holdfast({"salvage", "list", "-o", "json"});
                             return list.exit_status == 0 &&
                                    list.out.find("\"registered\": true") != std::string::npos;
                           }))
        << list.out << list.err << playground_.Logs();
    return JsonText(list.out, "name");
  }

  Playground playground_;
  std::string old_;
  std::vector<std::string> dc1_;
  std::vector<std::string> dc2_;
};

TEST_F(SalvageTest, WhatTheLostPrimaryAloneHeldIsKeptKnownComparedAndAppliedOnce) {
  ASSERT_TRUE(Put(old_, "cc/limit", "50").ok());
  ASSERT_TRUE(Put(old_, "cc/queue", "fifo").ok());
  LoseCommits({{"cc/limit", "100"}, {"cc/queue", "lifo"}});
  Promote("dc2-a");
  ASSERT_TRUE(Put("dc2-a", "cc/queue", "random").ok());
  ReturnAndRejoin();
  const std::string file = RegisteredFile();
  ASSERT_THAT(file, HasSubstr(old_ + "/salvage-"));

  // Known while its node is away again; its content is on that node alone.
  playground_.Terminate(old_);
  const CommandResult away = playground_.Holdfast({"salvage", "list"});
  EXPECT_EQ(away.exit_status, 3) << away.out << away.err;
  EXPECT_THAT(away.out, HasSubstr("registered; node away"));
  EXPECT_EQ(playground_.Holdfast({"salvage", "show", file}).exit_status, 3);
  playground_.Restart(old_);

  CommandResult diff;
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {
                           diff = playground_.Holdfast({"salvage", "diff", file});
                           return diff.exit_status == 1;
                         }))
      << diff.out << diff.err << playground_.Logs();
  EXPECT_THAT(diff.out, HasSubstr("0 already present, 1 clean, 1 conflicting"));
  EXPECT_THAT(diff.out, HasSubstr("cc/limit: nobody has changed it since"));
  const CommandResult show = playground_.Holdfast({"salvage", "show", file});
  EXPECT_THAT(show.out, HasSubstr("  ~ cc/limit: 50 -> 100\n")) << show.err;

  const CommandResult applied = playground_.Holdfast({"salvage", "apply", file, "-o", "json"});
  EXPECT_EQ(applied.exit_status, 6) << applied.out << applied.err;
  const std::string proxy = playground_.ids("proxy", "dc2").front();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Get(proxy, "cc/limit") == "100"; }));
  EXPECT_EQ(Get(proxy, "cc/queue"), "random");
  // Whichever proxy is asked: it may be a moment behind the one above.
  CommandResult history;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           history = playground_.Holdfast({"history", "cc/limit"});
                           return history.out.find("salvaged 0.4 of dc1-a (alice, ") != std::string::npos;
                         }))
      << history.out << history.err;

  const CommandResult again = playground_.Holdfast({"salvage", "apply", file});
  EXPECT_EQ(again.exit_status, 6);
  // The proxy that was asked has seen the commit, or the primary recognises it.
  EXPECT_THAT(again.out, AnyOf(HasSubstr("already present as"), HasSubstr("applied before as")));
  const CommandResult forced = playground_.Holdfast(
      {"salvage", "apply", file, "--overwrite-newer", JsonText(applied.out, "overwrite_newer")});
  EXPECT_EQ(forced.exit_status, 0) << forced.out << forced.err;
  EXPECT_TRUE(Eventually(kPatience, [&] { return Get(proxy, "cc/queue") == "lifo"; }));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return playground_.Holdfast({"salvage", "diff", file}).exit_status == 0;
  }));
}

TEST_F(SalvageTest, ACommitThatItsClientHasRepeatedIsNotRevivedAndACopyOfTheFileWillDo) {
  ASSERT_TRUE(Put(old_, "cc/limit", "50").ok());
  const std::string request_id = playground_.ClientOf({old_})->NewRequestId();
  LoseCommits({{"cc/limit", "100"}}, request_id);
  Promote("dc2-a");
  ASSERT_TRUE(Put("dc2-a", "cc/limit", "100", absl::Seconds(20), request_id).ok());
  ASSERT_TRUE(Put("dc2-a", "cc/limit", "75").ok());
  ReturnAndRejoin();
  const std::string file = RegisteredFile();
  const std::string copy =
      absl::StrCat(playground_.node(old_).data_dir, "/salvage", file.substr(file.find('/')), ".hfsalvage");
  playground_.Terminate(old_);
  for (const std::string command : {"diff", "apply"}) {
    CommandResult result;
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             result = playground_.Holdfast({"salvage", command, copy});
                             return result.exit_status == 0;
                           }))
        << result.out << result.err;
    EXPECT_THAT(result.out, HasSubstr("1 already present, 0 clean, 0 conflicting"));
  }
  const std::string proxy = playground_.ids("proxy", "dc2").front();
  EXPECT_EQ(Get(proxy, "cc/limit"), "75");
}

}  // namespace
}  // namespace holdfast::testing
