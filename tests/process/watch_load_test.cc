// A thousand watchers and one that takes nothing for a while: the others are not delayed, the node's memory
// stays bounded, and the one gets all in the end.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/mutex.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/credentials.h"
#include "rpc/wire_limits.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {
namespace {

// One raw watch of the keys below a prefix. A stalled one reads nothing after its first message until ReadOn.
class RawWatch : public grpc::ClientReadReactor<v1::WatchResponse> {
 public:
  RawWatch(v1::ConfigService::Stub* stub, const std::string& prefix, bool stalled,
           std::atomic<int64_t>* events)
      : stalled_(stalled), events_(events) {
    request_.set_key(prefix + "/");
    request_.set_range_end(prefix + "0");
    stub->async()->Watch(&context_, &request_, this);
    if (stalled) AddHold();  // for ReadOn, which is no reaction
    StartRead(&response_);
    StartCall();
  }

  ~RawWatch() override { CancelAndWait(); }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    events_->fetch_add(response_.events_size());
    if (!stalled_) StartRead(&response_);
    greeted_ = true;
  }
  // Once, after the greeting of a stalled watch.
  void ReadOn() {
    stalled_ = false;
    StartRead(&response_);
    RemoveHold();
  }
  void OnDone(const grpc::Status& status) override {
    MutexLock lock(&mu_);
    end_ = absl::StrCat("a watch ended: ", status.error_message(), " (", status.error_code(), ")");
    done_ = true;
    ended_.NotifyAll();
  }

  bool greeted() const { return greeted_; }
  // Why it ended; nothing while it is open.
  std::string end() {
    MutexLock lock(&mu_);
    return end_;
  }
  void CancelAndWait() {
    context_.TryCancel();
    if (stalled_.exchange(false)) RemoveHold();
    MutexLock lock(&mu_);
    ended_.Wait(&mu_, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return done_; });
  }

 private:
  std::atomic<bool> stalled_;
  std::atomic<int64_t>* const events_;
  grpc::ClientContext context_;
  v1::WatchRequest request_;
  v1::WatchResponse response_;
  std::atomic<bool> greeted_{false};
  Mutex mu_;
  CondVar ended_;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  std::string end_ ABSL_GUARDED_BY(mu_);
};

// Without the pages of mapped files, which are the system's to take back.
int64_t OwnKilobytes(pid_t pid) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  std::string word;
  while (status >> word) {
    if (word != "RssAnon:") continue;
    int64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  return 0;
}

class WatchLoadTest : public ::testing::Test {
 protected:
  static constexpr int kCommits = 200;
  static constexpr int kValueBytes = 16 << 10;        // for everyone
  static constexpr int kLargeValueBytes = 320 << 10;  // for the stalled one: 62 MiB in all
  static constexpr int kSentBytes = kCommits * (kValueBytes + kLargeValueBytes);

  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    ASSERT_TRUE(playground_.WaitCommitting(kPatience));
    proxy_ = playground_.node(playground_.ids("proxy", "dc2").front());
    const auto credentials = rpc::MakeChannelCredentials(playground_.client_tls());
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    stub_ = v1::ConfigService::NewStub(grpc::CreateChannel(proxy_.address, *credentials));
    // The stalled one has a connection of its own, for flow control is per connection too, with a window that
    // does not grow: all that it does not read stays with the node.
    grpc::ChannelArguments narrow;
    narrow.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    narrow.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    narrow.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, rpc::kClientWindowBytes);
    stalled_stub_ =
        v1::ConfigService::NewStub(grpc::CreateCustomChannel(proxy_.address, *credentials, narrow));
    client_ = playground_.ClientOf({playground_.primary().node_id});
  }

  void Commit(int number) {
    v1::CommitRequest request;
    for (const auto& [prefix, bytes] :
         {std::pair("load/all/", kValueBytes), std::pair("load/large/", kLargeValueBytes)}) {
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(absl::StrCat(prefix, number % 10));
      mutation.set_put(std::string(static_cast<size_t>(bytes), static_cast<char>('a' + number % 26)));
    }
    const auto answer = client_->Commit(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    last_revision_ = answer->revision();
    ++commit_count_;
  }

  // `count` watchers that take all they are sent.
  void OpenWatches(int count) {
    for (int i = 0; i < count; ++i)
      watches_.push_back(std::make_unique<RawWatch>(stub_.get(), "load/all", false, &events_));
    const auto greeted = [](const auto& watch) { return watch->greeted(); };
    ASSERT_TRUE(Eventually(kPatience, [&] { return std::all_of(watches_.begin(), watches_.end(), greeted); }))
        << playground_.Logs();
  }
  void OpenStalledWatch() {
    stalled_ = std::make_unique<RawWatch>(stalled_stub_.get(), "load", true, &stalled_events_);
    ASSERT_TRUE(Eventually(kPatience, [&] { return stalled_->greeted(); })) << playground_.Logs();
  }

  // Waits until every watcher has every commit.
  bool Delivered() {
    return Eventually(kPatience, [&] { return events_ == commit_count_ * std::ssize(watches_); });
  }

  // Commits, and answers how long after the last commit the last watcher had it all.
  absl::Duration DeliverAll() {
    for (int i = 0; i < kCommits; ++i) Commit(i);
    const absl::Duration committed = Elapsed();
    EXPECT_TRUE(Delivered()) << events_ << " of " << commit_count_ << " * " << watches_.size() << "\n"
                             << Ends() << playground_.Logs();
    return Elapsed() - committed;
  }

  // Of the watches that ended by themselves.
  std::string Ends() {
    std::string ends;
    for (const auto& watch : watches_) {
      if (const std::string end = watch->end(); !end.empty()) absl::StrAppend(&ends, end, "\n");
    }
    return ends;
  }

  // From here on, what comes into the node's ring puts as much out of it.
  void FillRing() {
    for (size_t sent = kSentBytes; sent < kMaxWatchRingBytes; sent += kValueBytes + kLargeValueBytes)
      Commit(0);
    const auto reader = playground_.ClientOf({proxy_.node_id});
    reader->Observe(last_revision_);
    v1::GetRequest request;
    request.set_key("load/all/0");
    ASSERT_TRUE(Eventually(kPatience, [&] { return reader->Get(request).ok(); })) << playground_.Logs();
  }

  Playground playground_{Playground::Options{.proxies = 1}};
  Playground::Node proxy_;
  std::unique_ptr<v1::ConfigService::Stub> stub_;
  std::unique_ptr<v1::ConfigService::Stub> stalled_stub_;
  std::unique_ptr<client::Client> client_;
  int64_t last_revision_ = 0;
  int commit_count_ = 0;
  std::atomic<int64_t> events_{0};
  std::atomic<int64_t> stalled_events_{0};
  std::vector<std::unique_ptr<RawWatch>> watches_;
  std::unique_ptr<RawWatch> stalled_;
};

// With one other watcher only: what many streams have on their way for a moment, on a machine that is busy
// with something else, would hide what the stalled one costs.
TEST_F(WatchLoadTest, AStalledWatcherCostsLittleAndMissesNothing) {
  ASSERT_NO_FATAL_FAILURE(OpenWatches(1));
  DeliverAll();
  FillRing();
  ASSERT_TRUE(Delivered());

  ASSERT_NO_FATAL_FAILURE(OpenStalledWatch());
  const int64_t before = OwnKilobytes(proxy_.pid);
  DeliverAll();
  const int64_t grown = OwnKilobytes(proxy_.pid) - before;
  // A queue of what the stalled one has not read would be that large.
  EXPECT_LT(grown, (kSentBytes >> 10) / 2) << "kilobytes";
  stalled_->ReadOn();
  EXPECT_TRUE(Eventually(kPatience, [&] { return stalled_events_ == 2 * kCommits; })) << stalled_events_;
  stalled_->CancelAndWait();
  EXPECT_EQ(stalled_events_, 2 * kCommits);
  std::printf("%d commits of %d bytes that a watcher does not take: memory grew by %d KiB\n", kCommits,
              kValueBytes + kLargeValueBytes, static_cast<int>(grown));
}

TEST_F(WatchLoadTest, AStalledWatcherDelaysNobody) {
  const int watcher_count = Scale("HOLDFAST_WATCHERS", 300);
  ASSERT_NO_FATAL_FAILURE(OpenWatches(watcher_count));
  const absl::Duration without = DeliverAll();
  FillRing();
  ASSERT_TRUE(Delivered());
  ASSERT_NO_FATAL_FAILURE(OpenStalledWatch());
  const int64_t before = OwnKilobytes(proxy_.pid);
  const absl::Duration with = DeliverAll();
  const int64_t grown = OwnKilobytes(proxy_.pid) - before;
  EXPECT_LT(stalled_events_, kCommits) << "it was to be stalled";
  // Where the machine has nothing else to do.
  if (watcher_count >= 1000) {
    EXPECT_LT(with, 3 * without + absl::Seconds(2));
    EXPECT_LT(grown, (kSentBytes >> 10) / 2) << "kilobytes";
  }
  std::printf(
      "%d watchers, %d commits of %d bytes: the last event came %d ms after the last commit, %d ms with a "
      "stalled watcher beside; memory grew by %d KiB\n",
      watcher_count, kCommits, kValueBytes + kLargeValueBytes,
      static_cast<int>(absl::ToInt64Milliseconds(without)), static_cast<int>(absl::ToInt64Milliseconds(with)),
      static_cast<int>(grown));
}

}  // namespace
}  // namespace holdfast::testing
