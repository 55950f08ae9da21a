// A thousand watchers and one that takes nothing: the others are not delayed, and the node's memory stays
// bounded.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

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
#include "tests/process/scale.h"

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

TEST(WatchLoadTest, AStalledWatcherDelaysNobodyAndCostsLittle) {
  const int watcher_count = Scale("HOLDFAST_WATCHERS", 300);
  constexpr int kCommits = 200;
  constexpr int kValueBytes = 16 << 10;  // 3 MiB in all pass by: more than a stalled stream may hold
  Playground playground(Playground::Options{.proxies = 1});
  ASSERT_TRUE(playground.ok()) << playground.error();
  ASSERT_TRUE(playground.WaitCommitting(absl::Seconds(20)));
  const Playground::Node& proxy = playground.node(playground.ids("proxy", "dc2").front());

  const auto credentials = rpc::MakeChannelCredentials(playground.client_tls());
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto channel = grpc::CreateChannel(proxy.address, *credentials);
  const auto stub = v1::ConfigService::NewStub(channel);
  grpc::ChannelArguments
      own;  // the stalled one has a connection of its own: flow control is per connection too
  own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stalled_channel = grpc::CreateCustomChannel(proxy.address, *credentials, own);
  const auto stalled_stub = v1::ConfigService::NewStub(stalled_channel);

  std::atomic<int64_t> events{0};
  std::atomic<int64_t> stalled_events{0};
  std::vector<std::unique_ptr<RawWatch>> watches;
  for (int i = 0; i < watcher_count; ++i)
    watches.push_back(std::make_unique<RawWatch>(stub.get(), false, &events));
  RawWatch stalled(stalled_stub.get(), true, &stalled_events);
  ASSERT_TRUE(Eventually(absl::Seconds(30), [&] {
    for (const auto& watch : watches) {
      if (!watch->greeted()) return false;
    }
    return stalled.greeted();
  })) << playground.Logs();
  const int64_t before = ResidentKilobytes(proxy.pid);

  const auto client = playground.ClientOf({playground.primary().node_id});
  for (int i = 0; i < kCommits; ++i) {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(absl::StrCat("load/", i % 10));
    mutation.set_put(std::string(kValueBytes, static_cast<char>('a' + i % 26)));
    const auto answer = client->Commit(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
  }
  const absl::Duration committed = Elapsed();
  const int64_t expected = static_cast<int64_t>(watcher_count) * kCommits;
  EXPECT_TRUE(Eventually(absl::Seconds(30), [&] { return events == expected; }))
      << events << " of " << expected;
  const absl::Duration after_last = Elapsed() - committed;
  const int64_t grown = ResidentKilobytes(proxy.pid) - before;
  EXPECT_LT(stalled_events, kCommits);
  EXPECT_LT(grown, 160 << 10) << "kilobytes";
  for (const auto& watch : watches) watch->CancelAndWait();
  stalled.CancelAndWait();
  std::printf(
      "%d watchers, %d commits of %d bytes: the last event came %d ms after the last commit; memory grew by "
      "%d KiB\n",
      watcher_count, kCommits, kValueBytes, static_cast<int>(absl::ToInt64Milliseconds(after_last)),
      static_cast<int>(grown));
}

}  // namespace
}  // namespace holdfast::testing
