#include "base/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/base/gate.h"
#include "tests/base/manual_clock.h"

namespace holdfast {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ThreadExecutorTest : public ::testing::Test {
 protected:
  // A task that notes its name. What runs on the strand needs no lock.
  std::function<void()> Note(int name) {
    return [this, name] { ran_.push_back(name); };
  }

  // Waits until all that is due has run.
  void Drain() {
    strand_.RunAndWait([] {});
  }

  ManualClock clock_;
  std::vector<int> ran_;
  ThreadExecutor strand_{"strand", &clock_};
};

TEST_F(ThreadExecutorTest, RunsTasksInTheOrderOfPosting) {
  for (int i = 0; i < 5; ++i) strand_.Post(Note(i));
  Drain();
  EXPECT_THAT(ran_, ElementsAre(0, 1, 2, 3, 4));
}

TEST_F(ThreadExecutorTest, RunsTasksThatTasksPost) {
  strand_.Post([this] {
    ran_.push_back(1);
    strand_.Post(Note(2));
  });
  Drain();
  Drain();
  EXPECT_THAT(ran_, ElementsAre(1, 2));
}

TEST_F(ThreadExecutorTest, RunsTimersByDueTimeAndEqualOnesInOrder) {
  strand_.PostAfter(absl::Seconds(3), Note(30));
  strand_.PostAfter(absl::Seconds(1), Note(10));
  strand_.PostAfter(absl::Seconds(1), Note(11));
  strand_.PostAfter(absl::Seconds(2), Note(20));
  clock_.Advance(absl::Seconds(3));
  Drain();
  EXPECT_THAT(ran_, ElementsAre(10, 11, 20, 30));
}

TEST_F(ThreadExecutorTest, DoesNotRunATimerBeforeItIsDue) {
  strand_.PostAfter(absl::Seconds(5), Note(5));
  clock_.Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  Drain();
  EXPECT_THAT(ran_, IsEmpty());
  clock_.Advance(absl::Nanoseconds(1));
  Drain();
  EXPECT_THAT(ran_, ElementsAre(5));
}

TEST_F(ThreadExecutorTest, RunsADueTimerBeforeATaskThatIsPostedLater) {
  Gate begun;
  Gate go_on;
  strand_.Post([&] {
    begun.Open();
    go_on.Wait();
  });
  begun.Wait();
  strand_.PostAfter(absl::Seconds(1), Note(1));
  clock_.Advance(absl::Seconds(2));
  strand_.Post(Note(2));
  go_on.Open();
  Drain();
  EXPECT_THAT(ran_, ElementsAre(1, 2));
}

TEST_F(ThreadExecutorTest, TreatsANegativeDelayAsNow) {
  strand_.PostAfter(-absl::InfiniteDuration(), Note(1));
  Drain();
  EXPECT_THAT(ran_, ElementsAre(1));
}

TEST_F(ThreadExecutorTest, NeverRunsACancelledTimer) {
  const Executor::TimerId timer = strand_.PostAfter(absl::Seconds(1), Note(1));
  EXPECT_TRUE(strand_.Cancel(timer));
  EXPECT_FALSE(strand_.Cancel(timer));
  clock_.Advance(absl::Seconds(2));
  Drain();
  EXPECT_THAT(ran_, IsEmpty());
}

TEST_F(ThreadExecutorTest, SaysThatATimerThatHasRunCannotBeCancelled) {
  const Executor::TimerId timer = strand_.PostAfter(absl::Seconds(1), Note(1));
  clock_.Advance(absl::Seconds(1));
  Drain();
  EXPECT_FALSE(strand_.Cancel(timer));
  EXPECT_FALSE(strand_.Cancel(0));
}

TEST_F(ThreadExecutorTest, RunAndWaitReturnsAfterTheTask) {
  bool ran = false;
  strand_.RunAndWait([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST_F(ThreadExecutorTest, DropsWhatIsQueuedAtShutdown) {
  auto token = std::make_shared<int>();
  Gate begun;
  Gate go_on;
  strand_.Post([&] {
    begun.Open();
    go_on.Wait();
    // Holds the strand until it refuses timers, that is, until Shutdown has begun.
    while (const Executor::TimerId timer = strand_.PostAfter(absl::Hours(1), [] {})) strand_.Cancel(timer);
  });
  begun.Wait();
  strand_.Post([&, token] { ran_.push_back(1); });
  strand_.PostAfter(absl::Hours(1), [&, token] { ran_.push_back(2); });
  go_on.Open();
  strand_.Shutdown();
  EXPECT_THAT(ran_, IsEmpty());
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(ThreadExecutorTest, DropsWhatIsPostedAfterShutdown) {
  strand_.Shutdown();
  auto token = std::make_shared<int>();
  strand_.Post([&, token] { ran_.push_back(1); });
  EXPECT_EQ(strand_.PostAfter(absl::ZeroDuration(), [&, token] { ran_.push_back(2); }), 0u);
  strand_.RunAndWait([&, token] { ran_.push_back(3); });  // returns
  EXPECT_THAT(ran_, IsEmpty());
  EXPECT_EQ(token.use_count(), 1);
}

TEST_F(ThreadExecutorTest, ShutdownMayBeRepeated) {
  strand_.Shutdown();
  strand_.Shutdown();
}

TEST(ThreadExecutorDeathTest, DiesIfAStrandShutsItselfDown) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        ThreadExecutor strand("strand", RealClock());
        strand.RunAndWait([&] { strand.Shutdown(); });
      },
      "cannot shut itself down");
}

TEST(ThreadExecutorRealClockTest, WakesForATimerAndForAnEarlierOne) {
  ThreadExecutor strand("strand", RealClock());
  Gate fired;
  strand.PostAfter(absl::Hours(1), [] { FAIL() << "an hour has not passed"; });
  strand.PostAfter(absl::Milliseconds(1), [&] { fired.Open(); });
  fired.Wait();
}

}  // namespace
}  // namespace holdfast
