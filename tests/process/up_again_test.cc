// `holdfast up` once more: on a first start that died in the middle, and on a cluster that has lost a site
// and has promoted the other.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "tests/process/process.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::testing {
namespace {

namespace fs = std::filesystem;

TEST(UpAgainTest, AFirstStartThatWasKilledIsGoneOnWith) {
  const TemporaryDirectory root;
  const std::string dir = root / "d";
  const std::vector<std::string> up = {Program("holdfast"), "up", "--dir", dir, "--detach", "--empty"};
  const pid_t first = Spawn(up, root / "log");
  ASSERT_TRUE(Eventually(kPatience, [&] { return fs::exists(dir + "/dc1-a.log"); }));
  ASSERT_TRUE(StopProcess(first, SIGKILL, kPatience));
  EXPECT_TRUE(fs::exists(dir + "/starting.json"));
  const CommandResult second = testing::Run(up);
  EXPECT_EQ(second.exit_status, 0) << second.err;
  EXPECT_TRUE(fs::exists(dir + "/cluster.json"));
  const CommandResult status = testing::Run({Program("holdfast"), "status"}, {"HOLDFAST_DIR=" + dir});
  EXPECT_EQ(status.exit_status, 0) << status.out << status.err;
  const CommandResult down = testing::Run({Program("holdfast"), "down", "--dir", dir});
  EXPECT_EQ(down.exit_status, 0) << down.err;
  EXPECT_NE(down.out.find("ended 7 nodes"), std::string::npos) << down.out;
}

// The first disaster of the README.
TEST(UpAgainTest, ALostSiteComesBackBesideItsSuccessorAndIsToldWhatIsLeftToDo) {
  const TemporaryDirectory root;
  const std::string dir = root / "d";
  const std::vector<std::string> up = {Program("holdfast"), "up", "--dir", dir, "--detach", "--empty"};
  const auto holdfast = [&](std::vector<std::string> words) {
    words.insert(words.begin(), Program("holdfast"));
    return testing::Run(words, {"HOLDFAST_DIR=" + dir});
  };
  const CommandResult first = testing::Run(up);
  ASSERT_EQ(first.exit_status, 0) << first.err;
  EXPECT_EQ(holdfast({"down", "--dir", dir, "--only", "dc1", "--kill"}).exit_status, 0);

  CommandResult plan;
  ASSERT_TRUE(Eventually(kPatience,
                         [&] {  // until the last process is gone, it is refused
                           plan = holdfast({"promote", "dc2-a", "--dry-run"});
                           return plan.exit_status == 0;
                         }))
      << plan.out << plan.err;
  ASSERT_EQ(plan.out.rfind("plan ", 0), 0u) << plan.out;
  const std::string id = plan.out.substr(5, plan.out.find(':') - 5);
  const CommandResult promoted = holdfast({"promote", "dc2-a", "--yes", "--plan", id});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err;
  const CommandResult second = holdfast({"up", "--dir", dir, "--only", "dc1", "--detach"});
  EXPECT_EQ(second.exit_status, 0) << second.out << second.err;

  CommandResult status;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           status = holdfast({"status"});
                           return status.out.find("dc1-a is fenced; next: holdfast rejoin dc1-a") !=
                                  std::string::npos;
                         }))
      << status.out << status.err;
  const CommandResult rejoined = holdfast({"rejoin", "dc1-a", "--deadline", "30s"});
  EXPECT_EQ(rejoined.exit_status, 0) << rejoined.out << rejoined.err;
  const CommandResult third = testing::Run(up);  // all run, and the old primary follows
  EXPECT_EQ(third.exit_status, 0) << third.out << third.err;
  status = holdfast({"status"});
  EXPECT_EQ(status.out.find("next:"), std::string::npos) << status.out;
  const CommandResult down = holdfast({"down", "--dir", dir});
  EXPECT_NE(down.out.find("ended 7 nodes"), std::string::npos) << down.out << down.err;
}

}  // namespace
}  // namespace holdfast::testing
