// SIGTERM of a proxy under load: no failed call for clients that know two nodes.
#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"
#include "base/executor.h"
#include "tests/process/client_calls.h"
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
  const StopAtEnd stopper(&done);
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

// `holdfast drain` does what SIGTERM does first, and the SIGTERM that follows finds nothing to wait for.
TEST(DrainTest, ANodeThatWasDrainedByHandHasNoWatchesAndStillAnswers) {
  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  ASSERT_TRUE(playground.WaitCommitting(kPatience));
  const std::vector<std::string> proxies = playground.ids("proxy", "dc2");
  const auto client = playground.ClientOf({proxies[0], proxies[1]});
  v1::WatchRequest request;
  request.set_key("playground/ready");
  request.set_start_revision(playground.ready_revision());
  const auto watch = client->StartWatch(request);
  ASSERT_TRUE(NextWithin(*watch, kPatience).ok());

  for (int round = 0; round < 2; ++round) {  // a second one finds nothing left
    const CommandResult drain = playground.Holdfast({"drain", proxies[0]});
    EXPECT_EQ(drain.exit_status, 0) << drain.out << drain.err;
  }
  const auto alone = playground.ClientOf({proxies[0]});
  v1::GetRequest get;
  get.set_key("playground/ready");
  EXPECT_TRUE(alone->Get(get).ok());
  playground.Terminate(proxies[0]);
  const CommandResult put = playground.Holdfast({"put", "playground/ready", "again"});
  ASSERT_EQ(put.exit_status, 0) << put.err;
  bool seen = false;
  while (!seen) {
    const auto response = NextWithin(*watch, kPatience);
    ASSERT_TRUE(response.ok()) << response.status();
    for (const v1::WatchEvent& event : response->events()) seen |= event.kv().value() == "again";
  }
  EXPECT_TRUE(seen) << "the watch went on at the other proxy";
}

}  // namespace
}  // namespace holdfast::testing
