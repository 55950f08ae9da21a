#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "serving/reader.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {

// What a call answered, so far.
template <typename Response>
struct Answer {
  Response response;
  std::optional<absl::Status> status;  // absent until it has come
};

// Hears what the store does before all others, and asks then, once, what another thread may ask in that
// moment.
class FirstToHear : public storage::StoreObserver {
 public:
  std::function<void()> ask;

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override {}
  void OnVisible(const Position& visible) override { Ask(); }
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override {
    Ask();
  }
  void OnReplaced(const Position& position) override { Ask(); }

 private:
  void Ask() {
    if (const auto once = std::exchange(ask, nullptr)) once();
  }
};

// A reader whose points and listings run when the test runs their queues.
class ReaderTest : public ServingFixture {
 protected:
  ReaderTest() {
    admission_ = std::make_unique<ReadAdmission>(
        ReadAdmission::Options{&store_.store(), node_.get(), waiters_.get(), &clock_});
    reader_ = std::make_unique<Reader>(
        Reader::Options{&store_.store(), admission_.get(), &clock_, points_.queue(), workers_.queue()});
  }

  // Answers come while the test runs queues; requests stay alive with the fixture.
  std::shared_ptr<Answer<v1::GetResponse>> Get(const std::string& key, const v1::ReadOptions& options = {}) {
    v1::GetRequest& request = gets_.emplace_back();
    request.set_key(key);
    *request.mutable_options() = options;
    auto answer = std::make_shared<Answer<v1::GetResponse>>();
    reader_->Get(request, {}, &answer->response, [answer](const absl::Status& s) { answer->status = s; });
    return answer;
  }
  std::shared_ptr<Answer<v1::ListResponse>> StartList(const v1::ListRequest& request,
                                                      const CallLimits& limits = {}) {
    const v1::ListRequest& kept = lists_.emplace_back(request);
    auto answer = std::make_shared<Answer<v1::ListResponse>>();
    reader_->List(kept, limits, &answer->response, [answer](const absl::Status& s) { answer->status = s; });
    return answer;
  }
  std::shared_ptr<Answer<v1::ListResponse>> List(const v1::ListRequest& request) {
    auto answer = StartList(request);
    workers_.RunAll();
    EXPECT_TRUE(answer->status.has_value());
    return answer;
  }
  static v1::ListRequest ListOf(const std::string& prefix) {
    v1::ListRequest request;
    request.set_key(prefix);
    request.set_range_end(PrefixEnd(prefix));
    return request;
  }
  static v1::ReadOptions AtLeast(Revision revision) {
    v1::ReadOptions options;
    options.set_min_revision(revision.number());
    return options;
  }
  void RewindTo(const Position& ancestor) {
    const auto salvaged = store_->RewindTo(ancestor, "for the test");
    ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  }
  void BeginEpoch(uint64_t epoch) { store_.Show(store_.Append(storage::EpochDraft("node-2"), epoch)); }
  // `ask` is called as soon as the store shows something else, when it has told nobody yet.
  void BeforeOthersHear(std::function<void()> ask) {
    store_->RemoveObserver(waiters_.get());
    first_.ask = std::move(ask);
    store_->AddObserver(&first_);
    store_->AddObserver(waiters_.get());
  }
  void Fill(int count, const std::string& value = "v") {
    for (int i = 0; i < count;) {
      std::vector<v1::Change> changes;
      for (int end = std::min(count, i + 1000); i < end; ++i)
        changes.push_back(Put(absl::StrCat("k/", absl::Dec(i, absl::kZeroPad6)), value));
      Commit(std::move(changes));
    }
  }

  FirstToHear first_;
  ManualQueue points_;
  std::unique_ptr<ReadAdmission> admission_;
  std::unique_ptr<Reader> reader_;
  std::deque<v1::GetRequest> gets_;
  std::deque<v1::ListRequest> lists_;
};

}  // namespace holdfast::serving
