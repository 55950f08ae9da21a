// A thousand watchers and one that takes nothing: the others are not delayed, and the node's memory stays
// bounded.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/credentials.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {
namespace {

// One raw watch. A stalled one never reads after its first message.
class RawWatch : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  RawWatch(v1::ConfigService::Stub* stub, bool stalled, std::atomic<int64_t>* events)
      : stalled_(stalled), events_(events) {
    request_.set_key("load/");
    request_.set_range_end("load0");
    stub->async()->Watch(&context_, &request_, this);
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    greeted_ = true;
    events_->fetch_add(response_.events_size());
    if (!stalled_) StartRead(&response_);
  }
  void OnDone(const grpc::Status&) override {
    MutexLock lock(&mu_);
    done_ = true;
    ended_.NotifyAll();
  }

  bool greeted() const { return greeted_; }
  void CancelAndWait() {
    context_.TryCancel();
    MutexLock lock(&mu_);
    ended_.Wait(&mu_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return done_; });
  }

 private:
  const bool stalled_;
  std::atomic<int64_t>* const events_;
  grpc::ClientContext context_;
  v1::WatchRequest request_;
  v1::WatchResponse response_;
  std::atomic<bool> greeted_{false};
  Mutex mu_;
  CondVar ended_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

int64_t ResidentKilobytes(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  while (status >> word) {
    if (word != "VmRSS:") continue;
    int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  return 0;
}

class WatchLoadTest : public ::testing::Test {
 protected:
  static constexpr int kCommits = 200;
  static constexpr int kValueBytes = 16 << 10;  // 3 MiB in all pass by: more than a stalled stream may hold

  // Commits, and answers how long after the last commit the last of `watcher_count` watchers had it all.
  absl::Duration DeliverAll(client::Client& client, int watcher_count) {
    const int64_t expected = events_ + static_cast<int64_t>(watcher_count) * kCommits;
    for (int i = 0; i < kCommits; ++i) {
      v1::CommitRequest request;
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(absl::StrCat("load/", i % 10));
      mutation.set_put(std::string(kValueBytes, static_cast<char>('a' + i % 26)));
      const auto answer = client.Commit(request);
      EXPECT_TRUE(answer.ok()) << answer.status();
    }
    const absl::Duration committed = Elapsed();
    EXPECT_TRUE(Eventually(kPatience, [&] { return events_ == expected; })) << events_ << " of " << expected;
    return Elapsed() - committed;
  }

  std::atomic<int64_t> events_{0};
  std::atomic<int64_t> stalled_events_{0};
};

TEST_F(WatchLoadTest, AStalledWatcherDelaysNobodyAndCostsLittle) {
  const int watcher_count = Scale("HOLDFAST_WATCHERS", 300);
  Playground playground(Playground::Options{.proxies = 1});
  ASSERT_TRUE(playground.ok()) << playground.error();
  ASSERT_TRUE(playground.WaitCommitting(kPatience));
  const Playground::Node& proxy = playground.node(playground.ids("proxy", "dc2").front());

  const auto credentials = rpc::MakeChannelCredentials(playground.client_tls());
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto channel = grpc::CreateChannel(proxy.address, *credentials);
  const auto stub = v1::ConfigService::NewStub(channel);
  // The stalled one has a connection of its own: flow control is per connection too.
  grpc::ChannelArguments own;
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stalled_stub =
      v1::ConfigService::NewStub(grpc::CreateCustomChannel(proxy.address, *credentials, own));

  std::vector<std::unique_ptr<RawWatch>> watches;
  for (int i = 0; i < watcher_count; ++i)
    watches.push_back(std::make_unique<RawWatch>(stub.get(), false, &events_));
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return std::all_of(watches.begin(), watches.end(), [](const auto& watch) { return watch->greeted(); });
  })) << playground.Logs();
  const auto client = playground.ClientOf({playground.primary().node_id});
  const absl::Duration without = DeliverAll(*client, watcher_count);

  RawWatch stalled(stalled_stub.get(), true, &stalled_events_);
  ASSERT_TRUE(Eventually(kPatience, [&] { return stalled.greeted(); }));
  const int64_t before = ResidentKilobytes(proxy.pid);
  const absl::Duration with = DeliverAll(*client, watcher_count);
  const int64_t grown = ResidentKilobytes(proxy.pid) - before;
  EXPECT_LT(stalled_events_, kCommits);
  EXPECT_LT(grown, 160 << 10) << "kilobytes";
  // Not delayed, as far as a machine with other work to do can tell.
  EXPECT_LT(with, 3 * without + absl::Seconds(2));
  for (const auto& watch : watches) watch->CancelAndWait();
  stalled.CancelAndWait();
  std::printf(
      "%d watchers, %d commits of %d bytes: the last event came %d ms after the last commit, %d ms with a "
      "stalled "
      "watcher beside; memory grew by %d KiB\n",
      watcher_count, kCommits, kValueBytes, static_cast<int>(absl::ToInt64Milliseconds(without)),
      static_cast<int>(absl::ToInt64Milliseconds(with)), static_cast<int>(grown));
}

}  // namespace
}  // namespace holdfast::testing
