// A first `holdfast up` that dies in the middle is gone on with by the next.
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

}  // namespace
}  // namespace holdfast::testing
