#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "holdfast/v1/config.pb.h"
#include "serving/lost_history.h"
#include "serving/node_state.h"
#include "serving/visible_waiters.h"
#include "serving/watch_hub.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::serving {

using storage::Delete;
using storage::Put;

// Work that runs when the test says so, as a busy pool would.
class ManualQueue {
 public:
  TaskQueue queue() {
    return [this](std::function<void()> task) {
      if (static_cast<int>(tasks_.size()) >= limit) return false;
      tasks_.push_back(std::move(task));
      return true;
    };
  }
  bool RunOne() {
    if (tasks_.empty()) return false;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  void RunAll() {
    while (RunOne()) {
    }
  }
  size_t size() const { return tasks_.size(); }

  int limit = 1000;

 private:
  std::deque<std::function<void()>> tasks_;
};

// A client's end of a watch: a list of messages, and a door that the test opens and shuts.
class ListSink : public WatchSink {
 public:
  bool CanWrite() override {
    if (!open) asked_while_shut = true;
    return open;
  }
  void Write(WatchMessage message) override {
    EXPECT_FALSE(finished);
    EXPECT_TRUE(open);
    v1::WatchResponse response;
    EXPECT_TRUE(response.ParseFromString(message.Flatten()));
    if (one_at_a_time) open = false;
    messages.push_back(std::move(response));
  }
  void Finish(const absl::Status& s) override {
    EXPECT_FALSE(finished);
    finished = true;
    status = s;
  }

  // Everything received so far as "revision key=value" or "revision key deleted", in order.
  std::vector<std::string> Events() const {
    std::vector<std::string> events;
    for (const v1::WatchResponse& message : messages) {
      for (const v1::WatchEvent& event : message.events()) events.push_back(Text(event));
    }
    return events;
  }
  static std::string Text(const v1::WatchEvent& event) {
    const std::string at = Revision(event.kv().mod_revision()).ToString();
    return event.deleted() ? absl::StrCat(at, " ", event.kv().key(), " deleted")
                           : absl::StrCat(at, " ", event.kv().key(), "=", event.kv().value());
  }
  // The last revision up to which everything was delivered.
  Revision told() const {
    for (auto message = messages.rbegin(); message != messages.rend(); ++message) {
      if (message->revision() != 0) return Revision(message->revision());
    }
    return Revision();
  }

  bool open = true;
  bool one_at_a_time = false;
  bool asked_while_shut = false;
  std::vector<v1::WatchResponse> messages;
  bool finished = false;
  absl::Status status;
};

// A store with everything that serving hangs on it, on virtual time. Epoch 0 has begun.
class ServingFixture : public ::testing::Test {
 protected:
  ServingFixture()
      : time_(1), clock_(&time_), random_(SeededRandom(7)), executor_(&time_, &clock_, random_.get()) {
    EXPECT_TRUE(store_.Open().ok());
    store_.Show(store_.Append(storage::EpochDraft("node-1")));
    node_ = std::make_unique<NodeState>(
        NodeState::Options{"node-1", "dc1", [this] { return FreshAt(); }, &clock_});
    NodeView view;
    view.role = v1::NODE_ROLE_PROXY;
    view.cluster_id = "c0ffee";
    node_->Set(view);
    waiters_ = std::make_unique<VisibleWaiters>(&executor_, &store_.store());
    store_->AddObserver(waiters_.get());
  }
  std::optional<absl::Duration> FreshAt() {
    if (on_fresh_at_) on_fresh_at_();
    if (!staleness_) return std::nullopt;
    return clock_.SinceBoot() - *staleness_;
  }
  ~ServingFixture() override {
    DropHub();
    store_->RemoveObserver(waiters_.get());
  }

  void MakeHub(size_t ring_bytes = 1 << 20) {
    WatchCore::Options options;
    options.log = &store_->log();
    options.readers = &store_->readers();
    options.node = node_.get();
    options.clock = &clock_;
    options.executor = &executor_;
    options.workers = workers_.queue();
    options.lost_history = [this] { return LostHistory::Of(store_.store()); };
    options.max_ring_bytes = ring_bytes;
    options.visible = [this] { return store_->visible().revision; };
    hub_ = std::make_unique<WatchHub>(std::move(options));
    store_->AddObserver(hub_.get());
  }
  void DropHub() {
    if (hub_ == nullptr) return;
    store_->RemoveObserver(hub_.get());
    hub_.reset();
  }

  struct Watch {
    WatchId id = 0;
    std::shared_ptr<ListSink> sink = std::make_shared<ListSink>();
    ListSink* operator->() const { return sink.get(); }
  };
  Watch Open(const v1::WatchRequest& request, std::shared_ptr<ListSink> sink = std::make_shared<ListSink>()) {
    Watch watch;
    watch.sink = std::move(sink);
    watch.id = hub_->NewId();
    hub_->Open(watch.id, request, watch.sink);
    Settle();
    return watch;
  }
  void OpenDoor(const Watch& watch) {
    watch->open = true;
    if (std::exchange(watch->asked_while_shut, false)) hub_->OnWritable(watch.id);
    Settle();
  }

  // Lets everything happen that waits for nothing but its turn.
  void Settle() {
    do {
      time_.RunFor(absl::Milliseconds(5));
    } while (workers_.RunOne());
  }
  void Pass(absl::Duration span) {
    time_.RunFor(span);
    Settle();
  }

  static v1::WatchRequest Prefix(const std::string& prefix, Revision start = Revision()) {
    v1::WatchRequest request;
    request.set_key(prefix);
    request.set_range_end(PrefixEnd(prefix));
    request.set_start_revision(start.number());
    return request;
  }

  Position Commit(std::vector<v1::Change> changes) { return store_.Commit(std::move(changes)); }

  testing::VirtualTime time_;
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor executor_;
  std::optional<absl::Duration> staleness_ = absl::Milliseconds(300);
  std::function<void()> on_fresh_at_;  // what happens while a bound is asked for
  storage::StoreUnderTest store_;
  std::unique_ptr<NodeState> node_;
  std::unique_ptr<VisibleWaiters> waiters_;
  ManualQueue workers_;
  std::unique_ptr<WatchHub> hub_;
};

}  // namespace holdfast::serving
