#include "serving/watch_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WatchHubTest : public ServingFixture {
 protected:
  WatchHubTest() { MakeHub(); }
};

TEST_F(WatchHubTest, GreetsWithTheRevisionThatItBeginsAfter) {
  const Position last = Commit({Put("a/1", "old")});
  const Watch watch = Open(Prefix("a/"));
  ASSERT_EQ(watch->messages.size(), 1u);
  EXPECT_EQ(watch->messages[0].revision(), last.revision.number());
  EXPECT_EQ(watch->messages[0].header().revision(), last.revision.number());
  EXPECT_EQ(watch->messages[0].header().cluster_id(), "c0ffee");
  EXPECT_EQ(watch->messages[0].header().role(), v1::NODE_ROLE_PROXY);
  EXPECT_EQ(watch->messages[0].header().staleness().nanos(), 300'000'000);
  EXPECT_TRUE(watch->messages[0].events().empty());
}

TEST_F(WatchHubTest, ABoundOfWhatItHasNotLookedAtYetIsNotItsOwn) {
  Commit({Put("a/1", "old")});
  Open(Prefix("a/"));
  store_->RemoveObserver(hub_.get());  // it hears late
  Commit({Put("a/1", "new")});
  Pass(absl::Seconds(1));
  const Watch late = Open(Prefix("a/"));
  store_->AddObserver(hub_.get());
  ASSERT_EQ(late->messages.size(), 1u);
  EXPECT_EQ(late->messages[0].header().revision(), 2);
  EXPECT_GE(late->messages[0].header().staleness().seconds(), 1);
}

TEST_F(WatchHubTest, AStreamThatDemandsARevisionBeginsNotBelowIt) {
  store_->RemoveObserver(hub_.get());  // it hears late
  Commit({Put("a/1", "seen by the client")});
  v1::WatchRequest request = Prefix("a/");
  request.set_min_revision(2);
  const Watch watch = Open(request);
  const Watch impatient = Open(request);
  hub_->Close(impatient.id);
  Pass(absl::Seconds(2));
  EXPECT_TRUE(watch->messages.empty());
  EXPECT_TRUE(impatient->finished);
  store_->AddObserver(hub_.get());
  hub_->OnVisible(store_->visible());
  Settle();
  ASSERT_EQ(watch->messages.size(), 1u);
  EXPECT_EQ(watch->messages[0].revision(), 2);
  EXPECT_TRUE(impatient->messages.empty());
  Commit({Put("a/1", "new")});
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=new"));
}

TEST_F(WatchHubTest, AStreamWhoseDemandWasRewoundIsRefused) {
  const Position ancestor = store_->visible();
  store_->RemoveObserver(hub_.get());
  const Position lost = Commit({Put("a/1", "lost")});
  v1::WatchRequest request = Prefix("a/");
  request.set_min_revision(lost.revision.number());
  const Watch watch = Open(request);
  EXPECT_TRUE(watch->messages.empty());
  store_->AddObserver(hub_.get());
  ASSERT_TRUE(store_->RewindTo(ancestor, "a test").ok());
  Settle();
  EXPECT_TRUE(watch->messages.empty());
  EXPECT_EQ(ReasonOf(watch->status), "STALE");
  EXPECT_EQ(DetailOf(watch->status, "revision"), absl::StrCat(ancestor.revision.number()));
}

TEST_F(WatchHubTest, DeliversMatchingChangesOfEachCommit) {
  const Watch watch = Open(Prefix("a/"));
  Commit({Put("a/1", "x"), Put("a/2", "y"), Put("b/1", "no")});
  Settle();
  Commit({Delete("a/1")});
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.2 a/1=x", "0.2 a/2=y", "0.3 a/1 deleted"));
  EXPECT_EQ(watch->told(), Revision(3));
  const v1::KeyValue& kv = watch->messages[1].events(0).kv();
  EXPECT_EQ(kv.create_revision(), 2);
  EXPECT_EQ(kv.version(), 1);
}

TEST_F(WatchHubTest, LeavesOutPutsOrDeletesAsAsked) {
  v1::WatchRequest no_puts = Prefix("a/");
  no_puts.set_no_puts(true);
  v1::WatchRequest no_deletes = Prefix("a/");
  no_deletes.set_no_deletes(true);
  const Watch deletes = Open(no_puts);
  const Watch puts = Open(no_deletes);
  Commit({Put("a/1", "x"), Put("a/2", "y"), Put("a/3", "z")});
  Commit({Put("a/1", "x2"), Delete("a/2"), Put("a/3", "z2")});
  Settle();
  EXPECT_THAT(deletes->Events(), ElementsAre("0.3 a/2 deleted"));
  EXPECT_THAT(puts->Events(), ElementsAre("0.2 a/1=x", "0.2 a/2=y", "0.2 a/3=z", "0.3 a/1=x2", "0.3 a/3=z2"));
}

TEST_F(WatchHubTest, ShowsOnlyWhatIsVisible) {
  const Watch watch = Open(Prefix("a/"));
  const auto record = store_.Append(storage::CommitDraft({Put("a/1", "x")}));
  Settle();
  EXPECT_THAT(watch->Events(), IsEmpty());
  store_.Show(record);
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.2 a/1=x"));
}

TEST_F(WatchHubTest, ResumesFromAnyRetainedRevision) {
  Commit({Put("a/1", "1")});
  Commit({Put("a/1", "2")});
  Commit({Put("a/1", "3")});
  const Watch watch = Open(Prefix("a/", Revision(3)));
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=2", "0.4 a/1=3"));
  Commit({Put("a/1", "4")});
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.3 a/1=2", "0.4 a/1=3", "0.5 a/1=4"));
  EXPECT_EQ(workers_.size(), 0u);
}

TEST_F(WatchHubTest, BringsThePreviousVersion) {
  Commit({Put("a/1", "1"), Put("a/2", "1")});
  v1::WatchRequest request = Prefix("a/");
  request.set_include_previous(true);
  const Watch watch = Open(request);
  Commit({Put("a/1", "2"), Delete("a/2"), Put("a/3", "new")});
  Settle();
  ASSERT_THAT(watch->Events(), ElementsAre("0.3 a/1=2", "0.3 a/2 deleted", "0.3 a/3=new"));
  const v1::WatchResponse& message = watch->messages.back();
  EXPECT_EQ(message.events(0).previous().value(), "1");
  EXPECT_EQ(message.events(0).previous().mod_revision(), 2);
  EXPECT_EQ(message.events(1).previous().value(), "1");
  EXPECT_FALSE(message.events(2).has_previous());
}

TEST_F(WatchHubTest, ARevisionFromAFurtherNodeIsNotDeliveredAgain) {
  const Watch watch = Open(Prefix("a/", Revision(4)));  // has seen up to 3 elsewhere; this node shows 1
  Commit({Put("a/1", "2")});
  Commit({Put("a/1", "3")});
  Commit({Put("a/1", "4")});
  Settle();
  EXPECT_THAT(watch->Events(), ElementsAre("0.4 a/1=4"));
}

TEST_F(WatchHubTest, TellsACursorOfALostHistory) {
  Commit({Put("a/1", "2")});
  store_.Show(store_.Append(storage::EpochDraft("node-2"), 1));
  const Watch lost = Open(Prefix("a/", Revision(0, 9)));
  EXPECT_EQ(ReasonOf(lost->status), "REWOUND");
  EXPECT_EQ(DetailOf(lost->status, "common_revision"), "2");
  const Watch fine = Open(Prefix("a/", Revision(0, 3)));  // saw 0.2, the last of epoch 0
  EXPECT_FALSE(fine->finished) << fine->status;
}

TEST_F(WatchHubTest, ANewEpochShowsThatAFurtherCursorWasLost) {
  const Watch watch = Open(Prefix("a/", Revision(0, 9)));
  EXPECT_FALSE(watch->finished);
  store_.Show(store_.Append(storage::EpochDraft("node-2"), 1));
  Settle();
  EXPECT_EQ(ReasonOf(watch->status), "REWOUND");
}

TEST_F(WatchHubTest, SaysWhatWasCompacted) {
  for (int i = 0; i < 5; ++i) Commit({Put("a/1", "v")});
  store_.Show(store_.Append(storage::CompactDraft(Revision(4))));
  store_.MaintainFully();
  const Watch watch = Open(Prefix("a/", Revision(2)));
  EXPECT_EQ(ReasonOf(watch->status), "COMPACTED");
  EXPECT_EQ(DetailOf(watch->status, "oldest_revision"), "5");
  EXPECT_FALSE(Open(Prefix("a/", Revision(5)))->finished);
}

TEST_F(WatchHubTest, RefusesWhatMakesNoSense) {
  v1::WatchRequest backwards;
  backwards.set_key("b");
  backwards.set_range_end("a");
  EXPECT_EQ(ReasonOf(Open(backwards)->status), "INVALID_REQUEST");
  v1::WatchRequest nothing = Prefix("a/");
  nothing.set_no_puts(true);
  nothing.set_no_deletes(true);
  EXPECT_EQ(ReasonOf(Open(nothing)->status), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(Open(Prefix("a/", Revision(-1)))->status), "INVALID_REQUEST");
}

TEST_F(WatchHubTest, AStalledWatcherDelaysNobodyAndGetsAllOfItLater) {
  auto shut = std::make_shared<ListSink>();
  shut->open = false;
  const Watch stalled = Open(Prefix("a/", Revision(1)), shut);
  const Watch quick = Open(Prefix("a/"));
  for (int i = 0; i < 20; ++i) {
    Commit({Put("a/1", absl::StrCat(i))});
    Settle();
    EXPECT_EQ(quick->Events().size(), static_cast<size_t>(i + 1));
  }
  EXPECT_THAT(stalled->messages, IsEmpty());
  OpenDoor(stalled);
  EXPECT_EQ(stalled->Events(), quick->Events());
  EXPECT_LE(stalled->messages.size(), 3u) << "several commits go into one message";
}

TEST_F(WatchHubTest, MemoryStaysBoundedAndTheDatabaseHasTheRest) {
  DropHub();
  MakeHub(/*ring_bytes=*/20'000);
  auto shut = std::make_shared<ListSink>();
  shut->open = false;
  const Watch stalled = Open(Prefix("a/"), shut);
  const Watch quick = Open(Prefix("a/"));
  for (int i = 0; i < 200; ++i) {
    Commit({Put("a/1", std::string(1000, static_cast<char>('a' + i % 26)))});
    Settle();
  }
  OpenDoor(stalled);
  EXPECT_EQ(quick->Events().size(), 200u);
  EXPECT_EQ(stalled->Events().size(), 200u);
  EXPECT_EQ(stalled->Events(), quick->Events());
  Commit({Put("a/1", "last")});
  Settle();
  EXPECT_EQ(stalled->Events().size(), 201u);
}

TEST_F(WatchHubTest, ALargeCommitComesInMarkedFragments) {
  const std::string value(400 << 10, 'v');
  const Watch live = Open(Prefix("a/"));
  Commit({Put("a/1", value), Put("a/2", value), Put("a/3", value), Put("a/4", value), Put("a/5", value)});
  Commit({Put("a/6", "small")});
  Settle();
  const Watch later = Open(Prefix("a/", Revision(2)));
  for (const Watch& watch : {live, later}) {
    ASSERT_EQ(watch->Events().size(), 6u);
    std::vector<int> fragments;
    for (const v1::WatchResponse& message : watch->messages) {
      EXPECT_LE(message.ByteSizeLong(), kMaxWatchMessageBytes + 1000);
      EXPECT_EQ(message.fragment(), message.revision() == 0);
      if (!message.events().empty()) fragments.push_back(message.fragment());
    }
    EXPECT_THAT(fragments, ElementsAre(1, 1, 0, 0)) << "the next commit has a message of its own";
    EXPECT_EQ(watch->told(), Revision(3));
  }
}

TEST_F(WatchHubTest, AFragmentedCommitSurvivesTheWayFromRingToDatabase) {
  DropHub();
  MakeHub(/*ring_bytes=*/3 << 20);
  const std::string value(600 << 10, 'v');
  auto slow = std::make_shared<ListSink>();
  slow->one_at_a_time = true;
  const Watch watch = Open(Prefix("a/"), slow);
  OpenDoor(watch);
  Commit({Put("a/1", value), Put("a/2", value), Put("a/3", value)});
  Settle();
  for (int i = 0; i < 4; ++i) Commit({Put("b/1", value), Put("b/2", value)});  // pushes it out of the ring
  for (int i = 0; i < 20; ++i) {
    Settle();
    OpenDoor(watch);
  }
  const auto events = watch->Events();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].substr(0, 8), "0.2 a/3=");
}

TEST_F(WatchHubTest, MarksProgressOfQuietWatches) {
  v1::WatchRequest request = Prefix("a/");
  request.mutable_progress_interval()->set_nanos(500'000'000);
  const Watch watch = Open(request);
  Commit({Put("b/1", "x")});
  Pass(absl::Milliseconds(400));
  EXPECT_EQ(watch->messages.size(), 1u);
  Pass(absl::Milliseconds(300));
  ASSERT_EQ(watch->messages.size(), 2u);
  EXPECT_EQ(watch->messages[1].revision(), 2);
  EXPECT_TRUE(watch->messages[1].has_header());
  Pass(absl::Seconds(5));
  EXPECT_GE(watch->messages.size(), 8u);
  EXPECT_LE(watch->messages.size(), 13u);
}

TEST_F(WatchHubTest, AStalledWatchGetsOneMarkNotMany) {
  v1::WatchRequest request = Prefix("a/");
  request.mutable_progress_interval()->set_nanos(100'000'000);
  const Watch watch = Open(request);
  watch->open = false;
  Pass(absl::Seconds(30));
  OpenDoor(watch);
  EXPECT_LE(watch->messages.size(), 3u);
}

TEST_F(WatchHubTest, NothingIsKeptOfAStreamThatHasEnded) {
  v1::WatchRequest request = Prefix("a/");
  request.mutable_progress_interval()->set_seconds(365 * 24 * 3600);
  for (int i = 0; i < 100; ++i) {
    const Watch watch = Open(request);
    Settle();
    EXPECT_EQ(hub_->progress_count(), 1u);
    hub_->Close(watch.id);
    Settle();
  }
  EXPECT_EQ(hub_->progress_count(), 0u);
}

TEST_F(WatchHubTest, AProgressMarkComesAtLeastOnceAnHour) {
  v1::WatchRequest request = Prefix("a/");
  request.mutable_progress_interval()->set_seconds(365 * 24 * 3600);
  const Watch watch = Open(request);
  Pass(kMaxProgressInterval + absl::Seconds(20));
  EXPECT_EQ(watch->messages.size(), 2u);
}

TEST_F(WatchHubTest, AClientThatGoesAwayIsForgotten) {
  const Watch watch = Open(Prefix("a/"));
  hub_->Close(watch.id);
  hub_->Close(watch.id);
  Settle();
  EXPECT_TRUE(watch->finished);
  Commit({Put("a/1", "x")});
  Settle();
  EXPECT_THAT(watch->Events(), IsEmpty());
}

TEST_F(WatchHubTest, ReadersThatAreBusyAreAskedAgain) {
  Commit({Put("a/1", "x")});
  workers_.limit = 0;
  const Watch watch = Open(Prefix("a/", Revision(1)));
  Pass(absl::Milliseconds(100));
  EXPECT_THAT(watch->Events(), IsEmpty());
  workers_.limit = 10;
  Pass(absl::Milliseconds(100));
  EXPECT_THAT(watch->Events(), ElementsAre("0.2 a/1=x"));
}

}  // namespace
}  // namespace holdfast::serving
