// A proxy that stood still gives no answer under `max_staleness` before it has proof of being recent again.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {
namespace {

constexpr char kKey[] = "counter";
constexpr int64_t kMissed = 20;  // commits, at least, while the proxy stands still

TEST(FreshnessTest, AStoppedProxyDoesNotCallOldDataFresh) {
  constexpr absl::Duration kBound = absl::Seconds(2);
  const absl::Duration stop = std::max(absl::Seconds(Scale("HOLDFAST_STOP_SECONDS", 4)), kBound);
  Playground playground(Playground::Options{.proxies = 1});
  ASSERT_TRUE(playground.ok()) << playground.error();
  const std::string proxy = playground.ids("proxy", "dc2").front();

  // The primary's data counts, all the time; when each number was acknowledged is kept.
  std::atomic<bool> done{false};
  std::atomic<int64_t> highest{0};  // that was acknowledged
  Mutex mu;
  std::map<absl::Duration, int64_t> acknowledged;  // by when
  const auto writer = playground.ClientOf({playground.primary().node_id});
  ThreadExecutor writing("writing", RealClock());
  writing.Post([&] {
    for (int64_t number = 1; !done; ++number) {
      v1::CommitRequest request;
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(kKey);
      mutation.set_put(absl::StrCat(number));
      if (writer->Commit(request).ok()) {
        MutexLock lock(&mu);
        acknowledged[Elapsed()] = number;
        highest = number;
      }
      PauseBetweenLooks();
    }
  });

  const StopAtEnd stopper(&done);
  const auto reader = playground.ClientOf({proxy}, absl::Seconds(1));
  const auto read = [&]() -> absl::StatusOr<v1::GetResponse> {
    v1::GetRequest request;
    request.set_key(kKey);
    request.mutable_options()->mutable_max_staleness()->set_seconds(absl::ToInt64Seconds(kBound));
    return reader->Get(request);
  };
  ASSERT_TRUE(Eventually(kPatience, [&] { return read().ok(); })) << playground.Logs();

  playground.Signal(proxy, SIGSTOP);
  const absl::Duration stopped = Elapsed();
  const int64_t highest_then = highest;
  // What it shows is too old for the bound only if data went on meanwhile and the bound has passed.
  ASSERT_TRUE(Eventually(stop + kPatience, [&] {
    return highest >= highest_then + kMissed && Elapsed() >= stopped + stop;
  })) << playground.Logs();
  const int64_t missed = highest - highest_then;
  playground.Signal(proxy, SIGCONT);
  const absl::Duration resumed = Elapsed();

  int answers = 0;
  int stale = 0;
  absl::Duration oldest;
  while (answers < 50 && Elapsed() < resumed + kPatience) {
    const absl::Duration asked = Elapsed();
    const auto answer = read();
    if (!answer.ok()) continue;
    ++answers;
    int64_t shown = 0;
    ASSERT_TRUE(absl::SimpleAtoi(answer->kv().value(), &shown));
    MutexLock lock(&mu);
    // What had been acknowledged by then must be shown.
    const auto after = acknowledged.upper_bound(asked - kBound);
    if (after != acknowledged.begin() && shown < std::prev(after)->second) ++stale;
    for (const auto& [when, number] : acknowledged) {
      if (number == shown + 1) oldest = std::max(oldest, asked - when);  // since then it was outdated
    }
  }
  done = true;
  writing.Shutdown();
  EXPECT_EQ(answers, 50);
  EXPECT_EQ(stale, 0);
  std::printf(
      "stopped for %d s, %d commits meanwhile; 50 answers under max_staleness=2s, %d of them older; the "
      "oldest "
      "was outdated for %d ms\n",
      static_cast<int>(absl::ToInt64Seconds(stop)), static_cast<int>(missed), stale,
      static_cast<int>(absl::ToInt64Milliseconds(oldest)));
}

}  // namespace
}  // namespace holdfast::testing
