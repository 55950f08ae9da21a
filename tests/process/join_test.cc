// A new proxy joins under commits without disturbing them.
#include <atomic>
#include <functional>
#include <memory>

#include "base/executor.h"
#include "client/connect.h"
#include "tests/process/million_keys_fixture.h"

namespace holdfast::testing {
namespace {

// Commits at about `rate` a second until `stop`; one thread.
void Commit(client::Client& client, int rate, std::atomic<bool>& stop, Latencies& latencies) {
  absl::Duration next = Elapsed();
  for (int number = 0; !stop; ++number) {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(absl::StrCat("busy/", number % 100));
    mutation.set_put(absl::StrCat(number));
    const absl::Duration begun = Elapsed();
    const auto answer = client.Commit(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    latencies.Add(Elapsed() - begun);
    next += absl::Seconds(1) / rate;
    while (!stop && Elapsed() < next) PauseBetweenLooks();
  }
}

// 200 commits a second, by eight writers, while `meanwhile` runs. Answers how many a second there were.
double CommitWhile(const Playground& playground, Latencies& latencies,
                   const std::function<void()>& meanwhile) {
  constexpr int kWriters = 8;
  std::atomic<bool> stop{false};
  std::vector<Latencies> own(kWriters);
  std::vector<std::unique_ptr<client::Client>> clients;
  std::vector<std::unique_ptr<ThreadExecutor>> writers;
  const absl::Duration begun = Elapsed();
  for (int i = 0; i < kWriters; ++i) {
    clients.push_back(playground.ClientOf({playground.primary().node_id}, absl::Seconds(30)));
    writers.push_back(std::make_unique<ThreadExecutor>("writing", RealClock()));
    writers.back()->Post([&, i] { Commit(*clients[i], 200 / kWriters, stop, own[i]); });
  }
  meanwhile();
  stop = true;
  for (auto& writer : writers) writer->RunAndWait([] {});
  for (const Latencies& one : own) latencies.Merge(one);
  return static_cast<double>(latencies.count()) / absl::ToDoubleSeconds(Elapsed() - begun);
}

// Lets things go on, for a measurement.
void MeasureFor(absl::Duration window) {
  for (const absl::Duration end = Elapsed() + window; Elapsed() < end;) PauseBetweenLooks();
}

TEST_F(MillionKeysTest, ANewProxyJoinsWhileCommitsGoOn) {
  const absl::Duration window = absl::Seconds(Scale("HOLDFAST_MEASURE_SECONDS", 3));
  Latencies before;
  const double rate_before = full_size_ ? CommitWhile(playground_, before, [&] { MeasureFor(window); }) : 0;

  const std::vector<std::string> free = FreeAddresses(2);
  const std::string path = playground_.WriteNodeFile({.name = "new",
                                                      .node_id = "new",
                                                      .site = "dc2",
                                                      .client_address = free[0],
                                                      .peer_address = free[1],
                                                      .seeds = {playground_.primary().peer_address}});
  const CommandResult add = playground_.Holdfast({"nodes", "add", "new", "--site", "dc2", "--kind", "proxy",
                                                  "--client-address", free[0], "--peer-address", free[1]});
  ASSERT_EQ(add.exit_status, 0) << add.out << add.err;

  Latencies during;
  absl::Duration joined;
  pid_t pid = 0;
  const double rate_during = CommitWhile(playground_, during, [&] {
    const absl::Duration begun = Elapsed();
    pid = Spawn({Program("holdfast-proxy"), "--config", path}, playground_.directory() + "/new.log");
    client::Options options;
    options.endpoints = {free[0]};
    const auto client = client::Connect(std::move(options), playground_.client_tls());
    EXPECT_TRUE(Eventually(patience_, [&] { return Read(**client, keys_ - 1).ok(); })) << playground_.Logs();
    joined = Elapsed() - begun;
    if (full_size_) MeasureFor(window - joined);
  });
  const CommandResult verify = playground_.Holdfast({"verify", "--wait", "30s"});
  EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err;
  EXPECT_NE(verify.out.find("6 nodes agree"), std::string::npos) << verify.out;
  StopProcess(pid, SIGTERM, kPatience);
  const CommandResult remove = playground_.Holdfast({"nodes", "remove", "new"});
  EXPECT_EQ(remove.exit_status, 0) << remove.out << remove.err;
  std::printf(
      "%d keys: a new proxy served after %.1f s; %.0f -> %.0f commits a second, p50 %.1f -> %.1f ms, p99.9 "
      "%.1f -> "
      "%.1f ms\n",
      keys_, absl::ToDoubleSeconds(joined), rate_before, rate_during, before.Quantile(0.5),
      during.Quantile(0.5), before.Quantile(0.999), during.Quantile(0.999));
  if (full_size_) {
    EXPECT_LE(during.Quantile(0.999), 3 * before.Quantile(0.999)) << "ms";
  }
}

}  // namespace
}  // namespace holdfast::testing
