// A watcher that is moved between proxies, sites and restarts sees each change once and in order (I11).
#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/executor.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

constexpr int kCommits = 400;

class WatchResumeTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(playground_.ok()) << playground_.error(); }

  void WriteNumbers() {
    const auto client = playground_.ClientOf({playground_.primary().node_id});
    for (int number = 0; number < kCommits; ++number) {
      v1::CommitRequest request;
      for (const char* key : {"w/a", "w/b"}) {
        v1::Mutation& mutation = *request.add_mutations();
        mutation.set_key(key);
        mutation.set_put(absl::StrCat(number));
      }
      const auto answer = client->Commit(request);
      ASSERT_TRUE(answer.ok()) << answer.status();
    }
  }

  // Takes messages from `node_id` until `until` numbers have been seen in all; checks that none is missing or
  // comes twice.
  void WatchSome(const std::string& node_id, int until) {
    const auto client = playground_.ClientOf({node_id});
    v1::WatchRequest request;
    request.set_key("w/");
    request.set_range_end("w0");
    request.set_start_revision(next_revision_ == 0 ? 1 : next_revision_);
    const auto watch = client->StartWatch(request);
    while (seen_ < until) {
      const absl::StatusOr<v1::WatchResponse> next = NextWithin(*watch, kPatience);
      ASSERT_TRUE(next.ok()) << node_id << ": " << next.status();
      for (const v1::WatchEvent& event : next->events()) {
        int number = -1;
        ASSERT_TRUE(absl::SimpleAtoi(event.kv().value(), &number));
        // Two events for each commit, in key order.
        ASSERT_EQ(number, seen_events_ / 2) << "at " << node_id;
        ASSERT_EQ(event.kv().key(), seen_events_ % 2 == 0 ? "w/a" : "w/b");
        ++seen_events_;
        seen_ = seen_events_ / 2;
      }
      if (next->revision() != 0) next_revision_ = next->revision() + 1;
    }
  }

  Playground playground_;
  int64_t next_revision_ = 0;
  int seen_events_ = 0;
  int seen_ = 0;
};

TEST_F(WatchResumeTest, EachChangeComesOnceAcrossProxiesSitesAndRestarts) {
  ThreadExecutor writing("writing", RealClock());
  writing.Post([this] { WriteNumbers(); });
  const std::vector<std::string> near = playground_.ids("proxy", "dc1");
  const std::vector<std::string> far = playground_.ids("proxy", "dc2");
  WatchSome(near[0], 50);
  WatchSome(near[1], 100);
  WatchSome(far[0], 200);
  playground_.Kill(far[1]);
  playground_.Restart(far[1]);
  ASSERT_TRUE(playground_.WaitServing(far[1], kPatience)) << playground_.Logs();
  WatchSome(far[1], 300);
  WatchSome(playground_.primary().node_id, kCommits);
  writing.Shutdown();
  EXPECT_EQ(seen_events_, 2 * kCommits);
}

TEST_F(WatchResumeTest, AClientsWatchGoesOnByItselfWhenItsProxyEnds) {
  const std::vector<std::string> proxies = playground_.ids("proxy", "dc2");
  const auto client = playground_.ClientOf(proxies);
  v1::WatchRequest request;
  request.set_key("w/");
  request.set_range_end("w0");
  request.set_start_revision(1);
  const auto watch = client->StartWatch(request);
  ThreadExecutor writing("writing", RealClock());
  writing.Post([this] { WriteNumbers(); });
  bool ended = false;
  for (int events = 0; events < 2 * kCommits;) {
    const absl::StatusOr<v1::WatchResponse> next = NextWithin(*watch, kPatience);
    ASSERT_TRUE(next.ok()) << next.status();
    for (const v1::WatchEvent& event : next->events()) {
      int number = -1;
      ASSERT_TRUE(absl::SimpleAtoi(event.kv().value(), &number));
      ASSERT_EQ(number, events / 2);
      ++events;
    }
    if (events > kCommits / 2 && !ended) {
      ended = true;
      playground_.Terminate(proxies[0]);
    }
  }
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace holdfast::testing
