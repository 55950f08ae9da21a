// Two operators at once promote both standbys: one of them wins, and the other is told who, since when, from
// where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/process/operation_fixture.h"

namespace holdfast::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class PromoteRivalsTest : public OperationTest {
 protected:
  void SetUp() override {
    OperationTest::SetUp();
    CommitAll(3);
    playground_.KillAll(playground_.IdsOf("dc1"));
  }
  std::vector<std::string> Promote(const std::string& node, const std::string& author) {
    return {"promote", node, "--author", author};
  }
};

// Whoever looks while the other one's operation runs.
TEST_F(PromoteRivalsTest, WhoComesLaterIsRefusedAndToldOfTheOneThatRuns) {
  // Its new voters take nothing yet, so it stays where it is: behind its record, not open.
  const auto kim = [&] {
    std::vector<std::string> command = Promote("dc2-a", "kim");
    const std::string plan = PlanOf(command);
    for (const char* const voter : {"dc2-b", "dc2-p1"}) HoldBack(voter);
    command.insert(command.end(), {"--yes", "--plan", plan, "-o", "json"});
    return Beside(command);
  }();
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const auto operations = OperationsOf("dc2-a");
    return !operations.empty() && operations.front().epoch_revision() != 0;
  })) << playground_.Logs();
  const CommandResult lee =
      playground_.Holdfast({"promote", "dc2-b", "--author", "lee", "--dry-run", "-o", "json"});
  EXPECT_EQ(lee.exit_status, 4) << lee.out << lee.err;
  const std::string id = OperationsOf("dc2-a").front().operation_id();
  EXPECT_THAT(lee.out, AllOf(HasSubstr("other-operation"), HasSubstr("of kim on "), HasSubstr("(begun 2"),
                             HasSubstr(absl::StrCat("holdfast operation attach ", id))));
  for (const char* const voter : {"dc2-b", "dc2-p1"}) Disarm(voter);
  const CommandResult& promoted = kim->Result();
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_EQ(WaitForPrimary(), "dc2-a");
  ExpectOneHistory();
}

// Both have looked, and both confirm at the same moment.
TEST_F(PromoteRivalsTest, OfTwoAtTheSameMomentOneWinsAndTheOtherIsToldWho) {
  std::vector<std::unique_ptr<CommandBeside>> commands;
  std::vector<std::vector<std::string>> typed;
  for (const auto& [node, author] : {std::pair<std::string, std::string>("dc2-a", "kim"),
                                     std::pair<std::string, std::string>("dc2-b", "lee")}) {
    std::vector<std::string> command = Promote(node, author);
    command.insert(command.end(), {"--yes", "--plan", PlanOf(command), "-o", "json"});
    typed.push_back(std::move(command));
  }
  for (const auto& command : typed) commands.push_back(Beside(command));
  const CommandResult& kim = commands[0]->Result();
  const CommandResult& lee = commands[1]->Result();
  const std::string both = absl::StrCat("kim ", kim.exit_status, ": ", kim.out, kim.err, "\nlee ",
                                        lee.exit_status, ": ", lee.out, lee.err);
  const std::string winner = WaitForPrimary();
  ASSERT_THAT(winner, AnyOf("dc2-a", "dc2-b")) << both;
  const bool kim_won = winner == "dc2-a";
  EXPECT_EQ(kim_won ? kim.exit_status : lee.exit_status, 0) << both << playground_.Logs();
  // Refused or rolled back, 4; or its epoch began and was taken over at once, 5 and 6.
  const CommandResult& loser = kim_won ? lee : kim;
  EXPECT_THAT(loser.exit_status, AnyOf(4, 5, 6)) << both << playground_.Logs();
  EXPECT_THAT(loser.out + loser.err,
              ContainsRegex(kim_won ? "operation [0-9a-f-]+ of kim on [^ ]+ \\(begun 2"
                                    : "operation [0-9a-f-]+ of lee on [^ ]+ \\(begun 2"))
      << both;
  ExpectOneHistory();
  ExpectHonest("dc2-a");
  ExpectHonest("dc2-b");
}

}  // namespace
}  // namespace holdfast::testing
