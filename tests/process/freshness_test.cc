// A proxy that stood still gives no answer under `max_staleness` before it has proof of being recent again.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/executor.h"
#include "tests/process/playground.h"
#include "tests/process/scale.h"

namespace holdfast::testing {
namespace {

constexpr char kKey[] = "clock/now";

int64_t Millis(absl::Duration duration) { return absl::ToInt64Milliseconds(duration); }

TEST(FreshnessTest, AStoppedProxyDoesNotCallOldDataFresh) {
  const absl::Duration stop = absl::Seconds(Scale("HOLDFAST_STOP_SECONDS", 4));
  constexpr absl::Duration kBound = absl::Seconds(2);
  Playground playground(Playground::Options{.proxies = 1});
  ASSERT_TRUE(playground.ok()) << playground.error();
  const std::string proxy = playground.ids("proxy", "dc2").front();

  // The primary's data tells the time, all the time.
  std::atomic<bool> done{false};
  const auto writer = playground.ClientOf({playground.primary().node_id});
  ThreadExecutor writing("writing", RealClock());
  writing.Post([&] {
    while (!done) {
      v1::CommitRequest request;
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(kKey);
      mutation.set_put(absl::StrCat(Millis(Elapsed())));
      writer->Commit(request).IgnoreError();
      PauseBetweenLooks();
    }
  });

  struct Stopper {
    std::atomic<bool>* done;
    ~Stopper() { *done = true; }
  } const stopper{&done};
  const auto reader = playground.ClientOf({proxy}, absl::Seconds(1));
  const auto read = [&]() -> absl::StatusOr<v1::GetResponse> {
    v1::GetRequest request;
    request.set_key(kKey);
    request.mutable_options()->mutable_max_staleness()->set_seconds(absl::ToInt64Seconds(kBound));
    return reader->Get(request);
  };
  ASSERT_TRUE(Eventually(absl::Seconds(10), [&] { return read().ok(); })) << playground.Logs();

  playground.Signal(proxy, SIGSTOP);
  const absl::Duration resumed = Elapsed() + stop;
  Eventually(stop, [] { return false; });
  playground.Signal(proxy, SIGCONT);

  int answers = 0;
  int64_t oldest = 0;
  while (answers < 50 && Elapsed() < resumed + absl::Seconds(20)) {
    const int64_t asked = Millis(Elapsed());
    const absl::StatusOr<v1::GetResponse> answer = read();
    if (!answer.ok()) continue;
    ++answers;
    int64_t written = 0;
    ASSERT_TRUE(absl::SimpleAtoi(answer->kv().value(), &written));
    oldest = std::max(oldest, asked - written);
  }
  done = true;
  writing.Shutdown();
  EXPECT_EQ(answers, 50);
  // What was shown was at most 2 s old when asked, give or take the writer's own pace.
  EXPECT_LE(oldest, Millis(kBound) + 200);
  std::printf("stopped for %d s; oldest answer under max_staleness=2s: %d ms\n",
              static_cast<int>(absl::ToInt64Seconds(stop)), static_cast<int>(oldest));
}

}  // namespace
}  // namespace holdfast::testing
