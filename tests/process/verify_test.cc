// `holdfast verify` compares nodes that are never at rest.
#include <gtest/gtest.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/executor.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

TEST(VerifyTest, AgreesUnderUnbrokenCommits) {
  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  std::atomic<bool> stop{false};
  std::atomic<int> commits{0};
  std::vector<std::unique_ptr<client::Client>> clients;
  std::vector<std::unique_ptr<ThreadExecutor>> writers;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(playground.ClientOf({playground.primary().node_id}));
    writers.push_back(std::make_unique<ThreadExecutor>("writing", RealClock()));
    writers.back()->Post([&, i, client = clients.back().get()] {
      for (int number = 0; !stop; ++number) {
        v1::CommitRequest request;
        v1::Mutation& mutation = *request.add_mutations();
        mutation.set_key(absl::StrCat("load/", i, "/", number % 50));
        mutation.set_put(absl::StrCat(number));
        if (client->Commit(request).ok()) ++commits;
      }
    });
  }
  const StopAtEnd stopper(&stop);
  for (int round = 0; round < 5; ++round) {
    const int before = commits;
    EXPECT_TRUE(Eventually(kPatience, [&] { return commits > before + 20; })) << playground.Logs();
    const CommandResult verify = playground.Holdfast({"verify"});
    EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err;
    EXPECT_NE(verify.out.find("7 nodes agree"), std::string::npos) << verify.out;
  }
  stop = true;
  for (auto& writer : writers) writer->Shutdown();
}

}  // namespace
}  // namespace holdfast::testing
