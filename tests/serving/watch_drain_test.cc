// A node leaves service, and comes back to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "serving/watch_hub.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;

class WatchDrainTest : public ServingFixture {
 protected:
  WatchDrainTest() { MakeHub(); }
};

TEST_F(WatchDrainTest, ADrainRefusesAStreamThatStillWaits) {
  store_->RemoveObserver(hub_.get());
  Commit({Put("a/1", "new")});
  v1::WatchRequest request = Prefix("a/");
  request.set_min_revision(2);
  const Watch watch = Open(request);
  bool drained = false;
  hub_->Drain("elsewhere", [&] { drained = true; });
  Settle();
  EXPECT_TRUE(watch->finished);
  EXPECT_EQ(ReasonOf(watch->status), "DRAINING");
  EXPECT_TRUE(drained);
}

TEST_F(WatchDrainTest, DrainTellsWhereToGoAndFromWhere) {
  const Watch watch = Open(Prefix("a/"));
  auto shut = std::make_shared<ListSink>();
  const Watch stalled = Open(Prefix("a/"), shut);
  stalled->open = false;
  Commit({Put("a/1", "x")});
  Settle();
  bool drained = false;
  hub_->Drain("proxy-2:7000", [&drained] { drained = true; });
  Settle();
  EXPECT_TRUE(watch->finished);
  EXPECT_TRUE(watch->status.ok());
  EXPECT_EQ(watch->messages.back().try_address(), "proxy-2:7000");
  EXPECT_EQ(watch->messages.back().revision(), 2);
  EXPECT_FALSE(drained);
  OpenDoor(stalled);
  EXPECT_TRUE(stalled->finished);
  EXPECT_EQ(stalled->messages.back().revision(), 1) << "0.2 was not delivered: the next node will";
  EXPECT_TRUE(drained);
  EXPECT_EQ(ReasonOf(Open(Prefix("a/"))->status), "DRAINING");
}

TEST_F(WatchDrainTest, ASecondDrainDoesNotSilenceTheFirst) {
  const Watch stalled = Open(Prefix("a/"));
  stalled->open = false;
  Commit({Put("a/1", "x")});
  Settle();
  int drained = 0;
  hub_->Drain("proxy-2:7000", [&drained] { drained += 1; });
  hub_->Drain("proxy-2:7000", [&drained] { drained += 10; });
  Settle();
  OpenDoor(stalled);
  EXPECT_EQ(drained, 11);
}

TEST_F(WatchDrainTest, ADrainThatIsTakenBackLeavesWhoHasNotGoneAndAdmitsOthers) {
  const Watch gone = Open(Prefix("a/"));
  const Watch stalled = Open(Prefix("a/"));
  stalled->open = false;
  Commit({Put("a/1", "x")});
  Settle();
  bool drained = false;
  hub_->Drain("proxy-2:7000", [&drained] { drained = true; });
  Settle();
  EXPECT_TRUE(gone->finished);
  hub_->Undrain();
  Settle();
  OpenDoor(stalled);
  EXPECT_FALSE(stalled->finished);
  EXPECT_THAT(stalled->Events(), ElementsAre("0.2 a/1=x"));
  const Watch next = Open(Prefix("a/"));
  Commit({Put("a/2", "y")});
  Settle();
  EXPECT_THAT(next->Events(), ElementsAre("0.3 a/2=y"));
  EXPECT_FALSE(drained);
}

}  // namespace
}  // namespace holdfast::serving
