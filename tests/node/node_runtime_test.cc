#include "node/node_runtime.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "tests/base/recording_logger.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::node {
namespace {

// The upper half of a node is built between Create and Start: nothing may be asked of it before.
TEST(NodeRuntimeTest, TellsOfChangesFromItsStartOnAndNotBefore) {
  const testing::TemporaryDirectory directory;
  RecordingLogger logger;
  for (int restart = 0; restart < 20; ++restart) {
    std::atomic<bool> built{false};
    std::atomic<int> too_early{0};
    std::atomic<int> changes{0};
    NodeRuntime::Options options;
    options.config.node_id = "n";
    options.config.site = "s";
    options.config.data_dir = directory.path();
    options.logger = &logger;
    options.on_change = [&] {
      ++changes;
      too_early += !built;
    };
    absl::StatusOr<std::unique_ptr<NodeRuntime>> node = NodeRuntime::Create(std::move(options));
    ASSERT_TRUE(node.ok()) << node.status();
    (*node)->strand().RunAndWait([] {});  // whatever Create left behind on the strand
    built = true;
    (*node)->Start();
    EXPECT_GT(changes, 0);
    EXPECT_EQ(too_early, 0);
    (*node)->strand().RunAndWait([&] { (*node)->StopReplication(); });
    (*node)->StopThreads();
  }
}

TEST(NodeRuntimeTest, DataOfAnotherClusterIsRefusedWhereTheFileNamesOne) {
  const testing::TemporaryDirectory directory;
  RecordingLogger logger;
  const auto create = [&](const std::string& cluster_id) {
    NodeRuntime::Options options;
    options.config.node_id = "n";
    options.config.site = "s";
    options.config.data_dir = directory.path();
    options.config.cluster_id = cluster_id;
    options.logger = &logger;
    return NodeRuntime::Create(std::move(options));
  };
  {
    const auto node = create("c1");
    ASSERT_TRUE(node.ok()) << "it has no cluster yet: " << node.status();
    (*node)->strand().RunAndWait([&] { EXPECT_TRUE((*node)->store().node().JoinCluster("c1").ok()); });
  }
  EXPECT_EQ(ReasonOf(create("c2").status()), "WRONG_CLUSTER");
  EXPECT_TRUE(create("c1").ok());
  EXPECT_TRUE(create("").ok());
}

}  // namespace
}  // namespace holdfast::node
