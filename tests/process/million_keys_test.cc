// What must hold at a million keys (the default run has fewer): a proxy serves from its own file at once, and
// listing does not starve reading.
#include <atomic>

#include "base/executor.h"
#include "tests/process/million_keys_fixture.h"

namespace holdfast::testing {
namespace {

TEST_F(MillionKeysTest, ARestartedProxyServesFromItsOwnFileWithinASecond) {
  const std::string proxy = playground_.ids("proxy", "dc2").front();
  ASSERT_TRUE(WaitForAllKeys(proxy)) << playground_.Logs();
  playground_.Kill(playground_.primary().node_id);
  playground_.Kill(proxy);
  const absl::Duration begun = Elapsed();
  playground_.Restart(proxy);
  const auto client = playground_.ClientOf({proxy}, absl::Seconds(20));
  client->Observe(revision_);
  const auto answer = Read(*client, keys_ - 1);
  const absl::Duration taken = Elapsed() - begun;
  ASSERT_TRUE(answer.ok()) << answer.status() << playground_.Logs();
  if (full_size_) {
    EXPECT_LT(taken, absl::Seconds(1));
  }
  std::printf("%d keys: first answer %.0f ms after the start of the process, with no primary\n", keys_,
              Millis(taken));
  playground_.Restart(playground_.primary().node_id);
  EXPECT_TRUE(playground_.WaitCommitting(patience_)) << playground_.Logs();
}

// Eight clients that list 100,000 keys again and again, while they are let.
class Listers {
 public:
  Listers(Playground& playground, const std::string& proxy, int keys) : keys_(keys) {
    for (int i = 0; i < 8; ++i) {
      clients_.push_back(playground.ClientOf({proxy}, absl::Seconds(60)));
      threads_.push_back(std::make_unique<ThreadExecutor>("listing", RealClock()));
      threads_.back()->Post([this, client = clients_.back().get()] { Run(*client); });
    }
  }
  ~Listers() { stop_ = true; }

  // Returns once none is under way.
  void Rest() {
    listing_ = false;
    Eventually(kPatience, [this] { return under_way_ == 0; });
  }
  void Go() { listing_ = true; }
  int64_t rows() const { return rows_; }

 private:
  void Run(client::Client& client) {
    while (!stop_) {
      if (!listing_) {
        PauseBetweenLooks();
        continue;
      }
      ++under_way_;
      v1::ListRequest request;
      request.set_key("m/");
      request.set_range_end(absl::StrFormat("m/%08d", std::min(keys_, 100'000)));
      request.set_page_size(10'000);
      const auto listed = client.ListAll(request, [this](v1::KeyValue&) {
        ++rows_;
        return stop_ || !listing_ ? absl::CancelledError("enough") : absl::OkStatus();
      });
      EXPECT_TRUE(listed.ok() || absl::IsCancelled(listed.status())) << listed.status();
      --under_way_;
    }
  }

  const int keys_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> listing_{false};
  std::atomic<int> under_way_{0};
  std::atomic<int64_t> rows_{0};
  std::vector<std::unique_ptr<client::Client>> clients_;
  std::vector<std::unique_ptr<ThreadExecutor>> threads_;
};

// Point reads of one client, one after the other, and the oldest data that they were told of.
struct PointReads {
  Latencies latencies;
  double oldest_ms = 0;
};

TEST_F(MillionKeysTest, ListingDoesNotStarveReading) {
  const std::string proxy = playground_.ids("proxy", "dc2").front();
  const auto reader = playground_.ClientOf({proxy});
  ASSERT_TRUE(WaitForAllKeys(proxy)) << playground_.Logs();
  int next = 0;
  const auto measure = [&](absl::Duration window, PointReads& reads) {
    for (const absl::Duration end = Elapsed() + window; Elapsed() < end; ++next) {
      const absl::Duration begun = Elapsed();
      const auto answer = Read(*reader, next * 7919 % keys_);
      ASSERT_TRUE(answer.ok()) << answer.status();
      reads.latencies.Add(Elapsed() - begun);
      const auto& age = answer->header().staleness();
      reads.oldest_ms =
          std::max(reads.oldest_ms, static_cast<double>(age.seconds()) * 1e3 + age.nanos() / 1e6);
    }
  };
  // In turns, so that whatever else the machine does meets both alike.
  constexpr int kTurns = 3;
  const absl::Duration window = absl::Seconds(Scale("HOLDFAST_MEASURE_SECONDS", 3)) / kTurns;
  PointReads alone;
  PointReads crowded;
  Listers listers(playground_, proxy, keys_);
  for (int turn = 0; turn < kTurns; ++turn) {
    listers.Rest();
    measure(window, alone);
    listers.Go();
    measure(window, crowded);
    // Giving way must not mean standing still.
    const int64_t before = listers.rows();
    EXPECT_TRUE(Eventually(kPatience, [&] { return listers.rows() > before; })) << playground_.Logs();
  }
  listers.Rest();
  const double p99_alone = alone.latencies.Quantile(0.99);
  const double p99_crowded = crowded.latencies.Quantile(0.99);
  std::printf(
      "point reads p50 %.2f -> %.2f ms, p99 %.2f -> %.2f ms beside 8 clients that list %d keys (%.1f million "
      "rows "
      "listed); oldest data %.0f -> %.0f ms\n",
      alone.latencies.Quantile(0.5), crowded.latencies.Quantile(0.5), p99_alone, p99_crowded,
      std::min(keys_, 100'000), static_cast<double>(listers.rows()) / 1e6, alone.oldest_ms,
      crowded.oldest_ms);
  if (full_size_) {
    EXPECT_LE(p99_crowded, 2 * p99_alone) << "ms";
    EXPECT_LE(crowded.oldest_ms, 2 * alone.oldest_ms) << "ms";
  }
}

}  // namespace
}  // namespace holdfast::testing
