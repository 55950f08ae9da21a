#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "base/mutex.h"
#include "serving/serving.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::serving {
namespace {

using storage::Put;

// Takes messages on the hub's thread, counts events for the test's.
class CountingSink : public WatchSink {
 public:
  bool CanWrite() override { return true; }
  void Write(WatchMessage message) override {
    v1::WatchResponse response;
    EXPECT_TRUE(response.ParseFromString(message.Flatten()));
    MutexLock lock(&mu_);
    for (const v1::WatchEvent& event : response.events()) {
      EXPECT_GE(event.kv().mod_revision(), last_revision_);
      last_revision_ = event.kv().mod_revision();
    }
    events_ += response.events_size();
    changed_.NotifyAll();
  }
  void Finish(const absl::Status& status) override {
    EXPECT_TRUE(status.ok()) << status;
    MutexLock lock(&mu_);
    finished_ = true;
    changed_.NotifyAll();
  }

  bool WaitForEvents(int count) {
    MutexLock lock(&mu_);
    return changed_.WaitFor(&mu_, absl::Seconds(60),
                            [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return events_ >= count; });
  }
  bool WaitForEnd() {
    MutexLock lock(&mu_);
    return changed_.WaitFor(&mu_, absl::Seconds(60),
                            [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return finished_; });
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int events_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t last_revision_ ABSL_GUARDED_BY(mu_) = 0;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

// Calls and waits for the answer.
template <typename Call>
absl::Status WaitFor(Call call) {
  struct Answer {
    Mutex mu;
    CondVar came;
    std::optional<absl::Status> status ABSL_GUARDED_BY(mu);
  } answer;
  call([&answer](const absl::Status& status) {
    MutexLock lock(&answer.mu);
    answer.status = status;
    answer.came.NotifyAll();
  });
  MutexLock lock(&answer.mu);
  answer.came.Wait(&answer.mu,
                   [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(answer.mu) { return answer.status.has_value(); });
  return *answer.status;
}

// Reads keys that every commit writes alike, in one listing and one by one, never going back (I5).
void ReadForLong(const Serving& serving, int rounds) {
  int64_t newest = 0;
  for (int round = 0; round < rounds; ++round) {
    v1::GetRequest get;
    get.set_key("a/1");
    get.mutable_options()->set_min_revision(newest);
    v1::GetResponse got;
    const absl::Status status =
        WaitFor([&](Reader::Done done) { serving.reader().Get(get, {}, &got, std::move(done)); });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_GE(got.header().revision(), newest);
    newest = std::max(newest, got.header().revision());
    if (round % 4 != 0) continue;
    v1::ListRequest list;
    list.set_key("a/");
    list.set_range_end("a0");
    v1::ListResponse listed;
    EXPECT_TRUE(
        WaitFor([&](Reader::Done done) { serving.reader().List(list, {}, &listed, std::move(done)); }).ok());
    for (const v1::KeyValue& kv : listed.kvs()) EXPECT_EQ(kv.value(), listed.kvs(0).value());
  }
}

TEST(ServingThreadsTest, ReadersWatchersAndCommitsGoOnTogether) {
  constexpr int kCommits = 150;
  constexpr int kWatches = 10;
  storage::StoreUnderTest store;
  ASSERT_TRUE(store.Open().ok());
  store.Show(store.Append(storage::EpochDraft("node-1")));
  store.Commit({Put("a/1", "0"), Put("a/2", "0"), Put("a/3", "0")});
  Serving serving({&store.store(), RealClock(), "node-1", "dc1", [] { return absl::ZeroDuration(); }});
  NodeView view;
  view.role = v1::NODE_ROLE_PROXY;
  serving.node().Set(view);

  std::vector<std::shared_ptr<CountingSink>> sinks;
  v1::WatchRequest request;
  request.set_key("a/");
  request.set_range_end("a0");
  request.set_start_revision(3);
  for (int i = 0; i < kWatches; ++i) {
    request.set_include_previous(i % 3 == 0);
    sinks.push_back(std::make_shared<CountingSink>());
    serving.watches().Open(serving.watches().NewId(), request, sinks.back());
  }
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([&serving] { ReadForLong(serving, 100); });
  for (int i = 1; i <= kCommits; ++i) {
    const std::string value = absl::StrCat(i);
    store.Commit({Put("a/1", value), Put("a/2", value), Put("a/3", value)});
    store.MaintainFully();
  }
  for (std::thread& reader : readers) reader.join();
  for (const auto& sink : sinks) EXPECT_TRUE(sink->WaitForEvents(3 * kCommits));
  serving.Drain("elsewhere:1", [] {});
  for (const auto& sink : sinks) EXPECT_TRUE(sink->WaitForEnd());
}

}  // namespace
}  // namespace holdfast::serving
