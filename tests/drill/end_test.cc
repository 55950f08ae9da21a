// A drill that is ended in the middle leaves nothing running, however it is ended.
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/str_cat.h"
#include "admin/cluster_file.h"
#include "admin/processes.h"
#include "tests/process/process.h"
#include "tests/support/files.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::drill {
namespace {

using testing::Eventually;
using testing::kPatience;

class DrillEndTest : public ::testing::Test {
 protected:
  // A drill that has a cluster, and no end to come soon.
  void SetUp() override {
    pid_ = testing::Spawn({testing::Program("holdfast-drill"), "--dir", root_.path(), "--proxies", "1",
                           "--keys", "100", "--runs", "100"},
                          root_ / "log");
    ASSERT_TRUE(Eventually(kPatience, [this] {
      const auto file = admin::ReadClusterFile(root_ / "run-1/cluster.json");
      if (file.ok()) cluster_ = *file;
      return file.ok();
    })) << Log();
    EXPECT_EQ(RunningCount(), 5);
  }

  int RunningCount() const {
    int count = 0;
    for (const admin::ClusterFile::Node& node : cluster_.nodes)
      count += admin::FindRunning("--config", node.config) != 0;
    return count;
  }
  std::string Log() const { return testing::ReadWhole(root_ / "log"); }

  testing::TemporaryDirectory root_;
  pid_t pid_ = 0;
  admin::ClusterFile cluster_;
};

TEST_F(DrillEndTest, ATerminatedDrillEndsItsNodes) {
  EXPECT_TRUE(testing::StopProcess(pid_, SIGTERM, kPatience)) << Log();
  EXPECT_EQ(RunningCount(), 0) << Log();
}

TEST_F(DrillEndTest, TheNodesOfAKilledDrillAreEndedByItsKeeper) {
  EXPECT_TRUE(testing::StopProcess(pid_, SIGKILL, kPatience));
  EXPECT_TRUE(Eventually(kPatience, [this] { return RunningCount() == 0; })) << Log();
}

}  // namespace
}  // namespace holdfast::drill
