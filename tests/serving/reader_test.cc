#include "serving/reader.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"
#include "tests/serving/reader_fixture.h"

namespace holdfast::serving {
namespace {

TEST_F(ReaderTest, AnswersAPointReadAtOnce) {
  Commit({Put("a", "1")});
  const auto answer = Get("a");
  ASSERT_TRUE(answer->status.has_value());
  ASSERT_TRUE(answer->status->ok()) << *answer->status;
  EXPECT_EQ(answer->response.kv().value(), "1");
  EXPECT_EQ(answer->response.kv().mod_revision(), 2);
  EXPECT_EQ(answer->response.header().revision(), 2);
  EXPECT_EQ(answer->response.header().node_id(), "node-1");
  EXPECT_EQ(ReasonOf(*Get("b")->status), "KEY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(*Get("a/../b")->status), "INVALID_KEY");
}

TEST_F(ReaderTest, HandsOverWhenAllReadersAreBusy) {
  Commit({Put("a", "1")});
  std::vector<std::unique_ptr<storage::ReadLease>> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(*store_->readers().Acquire());
  const auto answer = Get("a");
  EXPECT_FALSE(answer->status.has_value());
  leases.clear();
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(answer->response.kv().value(), "1");
}

TEST_F(ReaderTest, RefusesWhenTheWorkersAreFullToo) {
  Commit({Put("a", "1")});
  std::vector<std::unique_ptr<storage::ReadLease>> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(*store_->readers().Acquire());
  points_.limit = 0;
  EXPECT_EQ(ReasonOf(*Get("a")->status), "RESOURCE_EXHAUSTED");
}

TEST_F(ReaderTest, WaitsForTheLeastRevisionThenReadsIt) {
  Commit({Put("a", "1")});
  const auto answer = Get("a", AtLeast(Revision(3)));
  Pass(absl::Seconds(4));
  EXPECT_FALSE(answer->status.has_value());
  Commit({Put("a", "2")});
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(answer->response.kv().value(), "2");
  EXPECT_EQ(waiters_->count(), 0);
}

TEST_F(ReaderTest, WaitsNoLongerThanFiveSeconds) {
  Commit({Put("a", "1")});
  const auto answer = Get("a", AtLeast(Revision(3)));
  Pass(absl::Seconds(6));
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(ReasonOf(*answer->status), "STALE");
  EXPECT_EQ(DetailOf(*answer->status, "revision"), "2");
  EXPECT_EQ(DetailOf(*answer->status, "age_ms"), "300");
}

TEST_F(ReaderTest, AReadInTheMiddleOfARewindWaitsUntilItIsKnownWhatWasLost) {
  const Position ancestor = Commit({Put("a", "1")});
  const Position lost = Commit({Put("a", "2")});
  std::shared_ptr<Answer<v1::GetResponse>> answer;
  BeforeOthersHear([&] { answer = Get("a", AtLeast(lost.revision)); });
  RewindTo(ancestor);
  Settle();
  EXPECT_FALSE(answer->status.has_value());
  EXPECT_EQ(waiters_->count(), 1);
  BeginEpoch(1);
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(ReasonOf(*answer->status), "REWOUND");
  EXPECT_EQ(waiters_->count(), 0);
}

TEST_F(ReaderTest, WhoWaitsForWhatIsShownByNowIsCalledInATurnOfItsOwn) {
  Commit({Put("a", "1")});
  std::optional<bool> look_again;
  EXPECT_TRUE(waiters_->Wait(Revision(2), absl::Seconds(5), [&](bool look) { look_again = look; }));
  EXPECT_FALSE(look_again.has_value());
  Settle();
  EXPECT_EQ(look_again, true);
  EXPECT_EQ(waiters_->count(), 0);
}

TEST_F(ReaderTest, ALostRevisionIsNotAnsweredFromTheNewHistory) {
  const Position ancestor = Commit({Put("a", "1")});
  const Position lost = Commit({Put("a", "2")});
  RewindTo(ancestor);
  std::shared_ptr<Answer<v1::GetResponse>> answer;
  BeforeOthersHear([&] { answer = Get("a", AtLeast(lost.revision)); });
  BeginEpoch(1);
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(ReasonOf(*answer->status), "REWOUND");
  EXPECT_EQ(DetailOf(*answer->status, "common_revision"), "2");
}

TEST_F(ReaderTest, ProvesItsFreshnessOrRefuses) {
  Commit({Put("a", "1")});
  v1::ReadOptions options;
  options.mutable_max_staleness()->set_nanos(300'000'000);
  EXPECT_TRUE(Get("a", options)->status->ok());
  staleness_ = absl::Milliseconds(301);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "STALE");
  staleness_.reset();
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "STALE");
  const auto answer = Get("a");
  EXPECT_TRUE(answer->status->ok()) << "who does not ask is answered (I12)";
  EXPECT_FALSE(answer->response.header().has_staleness());
}

TEST_F(ReaderTest, ShowsWhatItsBoundSpeaksOf) {
  Commit({Put("a", "1")});
  // A bound that was learned late, with a commit that the process has not looked at before.
  on_fresh_at_ = [this] {
    on_fresh_at_ = nullptr;
    Commit({Put("a", "2")});
  };
  v1::ReadOptions options;
  options.mutable_max_staleness()->set_nanos(300'000'000);
  EXPECT_EQ(Get("a", options)->response.kv().value(), "2");
}

TEST_F(ReaderTest, AnAnswerThatAgedOnItsWayIsNotGiven) {
  std::vector<v1::Change> changes;
  for (int i = 0; i < 2 * kMaxRowsPerLease; ++i) changes.push_back(Put(absl::StrCat("k/", 100000 + i), "v"));
  Commit(std::move(changes));
  v1::ListRequest request = ListOf("k/");
  request.set_count_only(true);
  const auto undemanding = StartList(request);
  request.mutable_options()->mutable_max_staleness()->set_seconds(1);
  const auto demanding = StartList(request);
  workers_.RunOne(), workers_.RunOne();  // both are admitted, and stopped half way
  const Revision read_at = store_->visible().revision;
  time_.RunFor(absl::Seconds(30));
  Commit({Put("k/1", "later")});
  workers_.RunAll();
  EXPECT_EQ(ReasonOf(demanding->status.value()), "STALE");
  EXPECT_TRUE(undemanding->status.value().ok());
  EXPECT_EQ(undemanding->response.header().revision(), read_at.number())
      << "whoever watches from here on misses nothing";
  EXPECT_GE(undemanding->response.header().staleness().seconds(), 30);
}

TEST_F(ReaderTest, ReadsOlderRevisions) {
  Commit({Put("a", "1")});
  Commit({Put("a", "2")});
  v1::ReadOptions options;
  options.set_at_revision(2);
  EXPECT_EQ(Get("a", options)->response.kv().value(), "1");
  options.set_at_revision(4);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "FUTURE_REVISION");
  store_.Show(store_.Append(storage::CompactDraft(Revision(3))));
  options.set_at_revision(2);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "COMPACTED");
}

TEST_F(ReaderTest, AStandbyAnswersNothingButWhereToGo) {
  Commit({Put("a", "1")});
  NodeView view;
  view.role = v1::NODE_ROLE_STANDBY;
  view.primary_node_id = "dc1-a";
  view.primary_client_address = "dc1-a:7000";
  node_->Set(view);
  const auto answer = Get("a");
  EXPECT_EQ(ReasonOf(*answer->status), "STANDBY");
  EXPECT_EQ(DetailOf(*answer->status, "primary_address"), "dc1-a:7000");
  EXPECT_EQ(ReasonOf(*List(ListOf("a"))->status), "STANDBY");
}
}  // namespace
}  // namespace holdfast::serving
