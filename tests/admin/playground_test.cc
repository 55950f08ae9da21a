#include "admin/playground.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "admin/cli.h"
#include "admin/processes.h"
#include "base/poll.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::admin {
namespace {

namespace fs = std::filesystem;

// A folder with programs that do nothing until they are ended, and a cluster's directory in it.
class PlaygroundTest : public ::testing::Test {
 protected:
  PlaygroundTest() {
    EXPECT_EQ(mkfifo((root_ / "nothing").c_str(), 0600), 0);
    for (const char* name : {"holdfast-primary", "holdfast-proxy"}) {
      std::ofstream(root_ / name) << "#!/bin/sh\nread line < \"${0%/*}/nothing\"\n";
      fs::permissions(root_ / name, fs::perms::owner_all);
    }
    environment_.out = &out_;
    environment_.err = &err_;
    environment_.program = root_ / "holdfast";
  }
  ~PlaygroundTest() override {
    for (const ClusterFile::Node& node : started_.nodes)
      EndPrograms({{node.pid, node.config}}, absl::ZeroDuration());
  }

  // What a first start does until it dies in the middle.
  void StartAndDie() {
    Context context(&environment_);
    Playground playground(&context, root_ / "d");
    ASSERT_TRUE(playground.Create(1).ok());
    const absl::Status started = playground.Start();
    ASSERT_TRUE(started.ok()) << started;
    started_ = playground.cluster();
    ASSERT_TRUE(PollUntil(*RealClock(), absl::Seconds(30), [&] { return CountRunning(playground) == 5; }));
  }
  static int64_t CountRunning(const Playground& playground) {
    const auto& nodes = playground.cluster().nodes;
    return std::count_if(nodes.begin(), nodes.end(),
                         [&](const ClusterFile::Node& node) { return playground.IsNodeRunning(node); });
  }

  const testing::TemporaryDirectory root_;
  ClusterFile started_;
  std::ostringstream out_;
  std::ostringstream err_;
  Environment environment_;
};

TEST_F(PlaygroundTest, AFirstStartThatDiedIsFoundAgain) {
  StartAndDie();
  Context context(&environment_);
  Playground playground(&context, root_ / "d");
  EXPECT_FALSE(playground.Exists());  // which says: ready
  ASSERT_TRUE(playground.HasBegun());
  ASSERT_TRUE(playground.Load().ok());
  EXPECT_EQ(CountRunning(playground), 5);
}

TEST_F(PlaygroundTest, AProgramThatWasStartedButNotNotedIsFoundToo) {
  StartAndDie();
  ClusterFile noted = started_;
  noted.nodes[0].pid = 0;
  ASSERT_TRUE(WriteClusterFile(root_ / "d/starting.json", noted).ok());
  Context context(&environment_);
  Playground playground(&context, root_ / "d");
  ASSERT_TRUE(playground.Load().ok());
  EXPECT_EQ(playground.cluster().nodes[0].pid, started_.nodes[0].pid);
}

TEST_F(PlaygroundTest, DownEndsWhatAFirstStartThatDiedHasStarted) {
  StartAndDie();
  EXPECT_EQ(RunCommandLine({"down", "--dir", root_ / "d"}, environment_), ExitCode::kOk) << err_.str();
  EXPECT_EQ(out_.str().rfind("ended 5 nodes", 0), 0u) << out_.str();
  for (const ClusterFile::Node& node : started_.nodes) EXPECT_FALSE(IsRunning(node.pid, node.config));
}

TEST_F(PlaygroundTest, DownEndsOnlyTheSiteThatIsNamed) {
  StartAndDie();
  EXPECT_EQ(RunCommandLine({"down", "--dir", root_ / "d", "--only", "dc3"}, environment_), ExitCode::kUsage);
  EXPECT_EQ(RunCommandLine({"down", "--dir", root_ / "d", "--only", "dc1", "--kill"}, environment_),
            ExitCode::kOk)
      << err_.str();
  EXPECT_EQ(out_.str().rfind("killed 2 nodes", 0), 0u) << out_.str();
  for (const ClusterFile::Node& node : started_.nodes)
    EXPECT_EQ(IsRunning(node.pid, node.config), node.site == "dc2") << node.node_id;
}

TEST_F(PlaygroundTest, UpSaysThatAClusterThatIsThereKeepsItsProxies) {
  fs::create_directory(root_ / "d");
  std::ofstream(root_ / "d/cluster.json") << "{}";  // an old one; up goes no further
  EXPECT_NE(RunCommandLine({"up", "--dir", root_ / "d", "--detach", "--proxies", "3"}, environment_),
            ExitCode::kOk);
  EXPECT_NE(err_.str().find("--proxies is not looked at"), std::string::npos) << err_.str();
}

TEST_F(PlaygroundTest, ClusterJsonAppearsWhenTheFirstStartIsDone) {
  Context context(&environment_);
  Playground playground(&context, root_ / "d");
  ASSERT_TRUE(playground.Create(1).ok());
  EXPECT_FALSE(playground.Exists());
  ASSERT_TRUE(playground.Finish().ok());
  EXPECT_TRUE(playground.Exists());
  EXPECT_FALSE(playground.HasBegun());
}

}  // namespace
}  // namespace holdfast::admin
