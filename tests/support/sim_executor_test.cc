#include "tests/support/sim_executor.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/sim_offload.h"

namespace holdfast::testing {
namespace {

struct World {
  explicit World(uint64_t seed) : time(seed), clock(&time), random(SeededRandom(seed)) {}
  VirtualTime time;
  VirtualClock clock;
  std::unique_ptr<Random> random;
};

TEST(SimExecutorTest, RunsPostedTasksInPostingOrder) {
  World world(1);
  SimExecutor strand(&world.time, &world.clock, world.random.get());
  std::string order;
  for (const char c : {'a', 'b', 'c', 'd'}) strand.Post([&order, c] { order += c; });
  world.time.RunFor(absl::Seconds(1));
  EXPECT_EQ(order, "abcd");
}

TEST(SimExecutorTest, RunsTimersWhenDueAndNotBefore) {
  World world(2);
  SimExecutor strand(&world.time, &world.clock, world.random.get());
  std::vector<absl::Duration> ran;
  strand.PostAfter(absl::Seconds(2), [&] { ran.push_back(world.time.now()); });
  strand.PostAfter(absl::Seconds(1), [&] { ran.push_back(world.time.now()); });
  world.time.RunFor(absl::Milliseconds(999));
  EXPECT_TRUE(ran.empty());
  world.time.RunFor(absl::Seconds(2));
  ASSERT_EQ(ran.size(), 2u);
  EXPECT_GE(ran[0], absl::Seconds(1));
  EXPECT_GE(ran[1], absl::Seconds(2));
}

TEST(SimExecutorTest, MeasuresDelaysOnTheClockOfItsMachine) {
  World world(3);
  VirtualClock::Options fast;
  fast.rate = 2.0;
  VirtualClock clock(&world.time, fast);
  SimExecutor strand(&world.time, &clock, world.random.get());
  bool ran = false;
  strand.PostAfter(absl::Seconds(10), [&] { ran = true; });
  world.time.RunFor(absl::Milliseconds(4900));
  EXPECT_FALSE(ran);
  world.time.RunFor(absl::Milliseconds(200));
  EXPECT_TRUE(ran);
}

TEST(SimExecutorTest, CancelForgetsATimerOnce) {
  World world(4);
  SimExecutor strand(&world.time, &world.clock, world.random.get());
  bool ran = false;
  const Executor::TimerId timer = strand.PostAfter(absl::Seconds(1), [&] { ran = true; });
  EXPECT_TRUE(strand.Cancel(timer));
  EXPECT_FALSE(strand.Cancel(timer));
  world.time.RunFor(absl::Seconds(2));
  EXPECT_FALSE(ran);
}

TEST(SimExecutorTest, APausedStrandRunsNothingUntilItGoesOn) {
  World world(5);
  SimExecutor strand(&world.time, &world.clock, world.random.get());
  bool ran = false;
  strand.Post([&] { ran = true; });
  strand.PauseFor(absl::Seconds(5));
  world.time.RunFor(absl::Seconds(4));
  EXPECT_FALSE(ran);
  world.time.RunFor(absl::Seconds(2));
  EXPECT_TRUE(ran);
}

TEST(SimExecutorTest, TheSameSeedGivesTheSameOrderAcrossStrands) {
  const auto run = [](uint64_t seed) {
    World world(seed);
    SimExecutor a(&world.time, &world.clock, world.random.get());
    SimExecutor b(&world.time, &world.clock, world.random.get());
    std::string order;
    for (int i = 0; i < 20; ++i) {
      a.Post([&order] { order += 'a'; });
      b.Post([&order] { order += 'b'; });
    }
    world.time.RunFor(absl::Seconds(1));
    return order;
  };
  EXPECT_EQ(run(6), run(6));
  EXPECT_NE(run(6), run(7));
}

TEST(SimOffloadTest, RunsWorkLaterThenDoneOnTheStrandAndRefusesTooMuch) {
  World world(8);
  SimExecutor strand(&world.time, &world.clock, world.random.get());
  SimExecutor worker(&world.time, &world.clock, world.random.get());
  SimOffload offload(&worker, &strand, world.random.get(), /*max_queued=*/1);
  std::string order;
  EXPECT_TRUE(offload.Run([&] { order += 'w'; }, [&] { order += 'd'; }));
  EXPECT_FALSE(offload.Run([] {}, [] {}));
  EXPECT_EQ(order, "");
  world.time.RunFor(absl::Seconds(1));
  EXPECT_EQ(order, "wd");
}

}  // namespace
}  // namespace holdfast::testing
