// SIGTERM of a proxy under load: no failed call for clients that know two nodes, and watches go on at the
// other one.
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "base/executor.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

TEST(DrainTest, NoCallFailsForClientsThatKnowTwoNodes) {
  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  ASSERT_TRUE(playground.WaitCommitting(kPatience));
  const std::vector<std::string> proxies = playground.ids("proxy", "dc2");
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::atomic<int> failed{0};
  std::vector<std::unique_ptr<client::Client>> clients;
  std::vector<std::unique_ptr<ThreadExecutor>> load;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(playground.ClientOf(proxies));
    clients.back()->Observe(playground.ready_revision());  // else a proxy may not show the key yet
    load.push_back(std::make_unique<ThreadExecutor>("load", RealClock()));
    load.back()->Post([&, client = clients.back().get()] {
      while (!done) {
        v1::GetRequest request;
        request.set_key("playground/ready");
        if (const auto answer = client->Get(request); !answer.ok()) {
          ++failed;
          ADD_FAILURE() << answer.status();
        }
        ++reads;
      }
    });
  }
  struct Stopper {
    std::atomic<bool>* done;
    ~Stopper() { *done = true; }
  } const stopper{&done};
  for (int round = 0; round < 3; ++round) {
    for (const std::string& proxy : proxies) {
      const int before = reads;
      ASSERT_TRUE(Eventually(kPatience, [&] { return reads > before + 200; }));
      playground.Terminate(proxy);
      playground.Restart(proxy);
      ASSERT_TRUE(playground.WaitServing(proxy, kPatience)) << playground.Logs();
    }
  }
  done = true;
  for (auto& one : load) one->Shutdown();
  EXPECT_EQ(failed, 0);
  std::printf("6 proxies ended under load; %d reads, %d failed\n", reads.load(), failed.load());
}

}  // namespace
}  // namespace holdfast::testing
