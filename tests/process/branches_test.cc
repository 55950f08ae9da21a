// Two sites lose each other, and an operator in each forces it on. When they meet again, a person says by its
// name which branch is kept; the other one is in salvage, and all nodes are alike. Takes its time: three
// promotions and a rejoin of real processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

class BranchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    old_ = playground_.primary().node_id;
    dc1_ = playground_.IdsOf("dc1");
    dc2_ = playground_.IdsOf("dc2");
  }
  void SignalAll(const std::vector<std::string>& nodes, int signal_number) {
    for (const std::string& node : nodes) playground_.Signal(node, signal_number);
  }
  void Put(const std::string& node, const std::string& value) {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("k");
    mutation.set_put(value);
    request.set_author("alice");
    const auto answer = playground_.ClientOf({node}, absl::Seconds(20))->Commit(request);
    ASSERT_TRUE(answer.ok()) << node << ": " << answer.status() << playground_.Logs();
  }
  std::string Get(const std::string& node) {
    v1::GetRequest request;
    request.set_key("k");
    const auto answer = playground_.ClientOf({node})->Get(request);
    return answer.ok() ? answer->kv().value() : "(" + ReasonOf(answer.status()) + ")";
  }
  // Looks at the plan until it can be carried out, then confirms it.
  void Promote(const std::vector<std::string>& what) {
    std::vector<std::string> command = {"promote", "-o", "json"};
    command.insert(command.end(), what.begin(), what.end());
    std::vector<std::string> look = command;
    look.emplace_back("--dry-run");
    CommandResult promoted;
    // A plan may change between the look and the word, while nodes come and go.
    ASSERT_TRUE(Eventually(kPatience,
                           [&] {
                             const CommandResult plan = playground_.Holdfast(look);
                             promoted = plan;
                             if (plan.exit_status != 0) return false;
                             std::vector<std::string> confirm = command;
                             for (const std::string& part : {std::string("--yes"), std::string("--plan"),
                                                             JsonText(plan.out, "plan_id")})
                               confirm.push_back(part);
                             promoted = playground_.Holdfast(confirm);
                             // INCOMPLETE: somebody has not come yet.
                             return promoted.exit_status == 0 || promoted.exit_status == 6;
                           }))
        << promoted.out << promoted.err << playground_.Logs();
  }

  Playground playground_;
  std::string old_;
  std::vector<std::string> dc1_;
  std::vector<std::string> dc2_;
};

TEST_F(BranchesTest, BothSitesForcedOnOneIsChosenByNameTheOtherGoesToSalvage) {
  Put(old_, "both");
  SignalAll(dc1_, SIGSTOP);
  Promote({"dc2-a"});
  Put("dc2-a", "of dc2");
  SignalAll(dc2_, SIGSTOP);
  SignalAll(dc1_, SIGCONT);
  Promote({old_, "--in-place", "--assert-site-down=dc2"});
  Put(old_, "of dc1");
  EXPECT_THAT(playground_.Holdfast({"status"}).out, HasSubstr("UNSETTLED"));
  SignalAll(dc2_, SIGCONT);

  // R17: the one with the lower epoch stops by itself. Its branch is still there to be chosen.
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const auto client = playground_.ClientOf({"dc2-a"}, absl::Seconds(2));
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("other");
    mutation.set_put("1");
    const std::string reason = ReasonOf(client->Commit(request).status());
    return reason == "SUSPENDED" || reason == "FENCED";
  })) << playground_.Holdfast({"status"}).out;
  CommandResult plan;
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {
                           plan = playground_.Holdfast({"promote", "dc2-a", "-o", "json", "--dry-run"});
                           return plan.exit_status == 4 &&
                                  plan.out.find(
                                      "\"next_command\": \"holdfast promote dc2-a --choose-branch=1.") !=
                                      std::string::npos;
                         }))
      << plan.out << plan.err;
  const std::string name = JsonText(plan.out, "name", "\"branches\": [");
  ASSERT_THAT(name, ::testing::StartsWith("1.")) << plan.out;
  Promote({"dc2-a", "--choose-branch=" + name});

  CommandResult rejoined;
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {
                           rejoined = playground_.Holdfast({"rejoin", old_, "--deadline", "20s"});
                           return rejoined.exit_status == 0;
                         }))
      << rejoined.out << rejoined.err << playground_.Logs();
  for (const std::string& node : playground_.ids("proxy"))
    EXPECT_TRUE(Eventually(kPatience, [&] { return Get(node) == "of dc2"; })) << node << ": " << Get(node);
  CommandResult list;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           list = playground_.Holdfast({"salvage", "list", "-o", "json"});
                           return list.exit_status == 0 &&
                                  list.out.find(old_ + "/salvage-") != std::string::npos;
                         }))
      << list.out << list.err;
  const size_t file = list.out.find(old_ + "/salvage-");
  const CommandResult show =
      playground_.Holdfast({"salvage", "show", list.out.substr(file, list.out.find('"', file) - file)});
  EXPECT_THAT(show.out, HasSubstr("k: both -> of dc1")) << show.err;
  EXPECT_TRUE(Eventually(kPatience, [&] { return playground_.Holdfast({"verify"}).exit_status == 0; }))
      << playground_.Holdfast({"verify"}).out;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return playground_.Holdfast({"status"}).out.find("UNSETTLED") == std::string::npos;
  })) << playground_.Holdfast({"status"}).out;
}

}  // namespace
}  // namespace holdfast::testing
