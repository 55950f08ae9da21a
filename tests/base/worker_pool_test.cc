#include <gtest/gtest.h>

#include <atomic>

#include "base/executor.h"
#include "tests/base/gate.h"

namespace holdfast {
namespace {

// Holds one worker of a pool until the test lets go.
struct Hold {
  std::function<void()> Task() {
    return [this] {
      begun.Open();
      go_on.Wait();
    };
  }

  Gate begun;
  Gate go_on;
};

TEST(WorkerPoolTest, RunsWhatItAccepts) {
  std::atomic<int> ran_count = 0;
  Gate all_ran;
  WorkerPool pool("pool", 2, 100);
  for (int i = 0; i < 100; ++i) {
    while (!pool.TryPost([&] {
      if (++ran_count == 100) all_ran.Open();
    })) {
    }
  }
  all_ran.Wait();
}

TEST(WorkerPoolTest, RefusesBeyondItsBoundAndAcceptsAgainWhenThereIsRoom) {
  Hold hold;
  WorkerPool pool("pool", 1, 2);
  ASSERT_TRUE(pool.TryPost(hold.Task()));
  hold.begun.Wait();  // the worker is busy: from here on all tasks wait
  Gate second_ran;
  EXPECT_TRUE(pool.TryPost([] {}));
  EXPECT_TRUE(pool.TryPost([&] { second_ran.Open(); }));
  EXPECT_FALSE(pool.TryPost([] { FAIL() << "was refused"; }));
  hold.go_on.Open();
  second_ran.Wait();
  EXPECT_TRUE(pool.TryPost([] {}));
}

TEST(WorkerPoolTest, RunsAsManyTasksAtOnceAsItHasThreads) {
  Hold first;
  Hold second;
  WorkerPool pool("pool", 2, 10);
  ASSERT_TRUE(pool.TryPost(first.Task()));
  ASSERT_TRUE(pool.TryPost(second.Task()));
  first.begun.Wait();
  second.begun.Wait();  // would never come if they ran one after the other
  first.go_on.Open();
  second.go_on.Open();
}

TEST(WorkerPoolTest, RefusesAndDropsAfterShutdown) {
  auto token = std::make_shared<int>();
  WorkerPool pool("pool", 1, 10);
  pool.Shutdown();
  EXPECT_FALSE(pool.TryPost([token] { FAIL() << "ran after shutdown"; }));
  pool.Shutdown();
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace holdfast
