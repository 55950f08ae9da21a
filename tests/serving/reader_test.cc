#include "serving/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/limits.h"
#include "serving/page_token.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;

template <typename Response>
struct Answer {
  Response response;
  std::optional<absl::Status> status;  // absent until it has come
};

class ReaderTest : public ServingFixture {
 protected:
  ReaderTest() {
    admission_ = std::make_unique<ReadAdmission>(
        ReadAdmission::Options{&store_.store(), node_.get(), history_.get(), waiters_.get(), &clock_});
    reader_ = std::make_unique<Reader>(Reader::Options{&store_.store(), admission_.get(), history_.get(),
                                                       &clock_, points_.queue(), workers_.queue()});
  }

  // Answers come while the test runs queues; requests stay alive with the fixture.
  std::shared_ptr<Answer<v1::GetResponse>> Get(const std::string& key, v1::ReadOptions options = {}) {
    v1::GetRequest& request = gets_.emplace_back();
    request.set_key(key);
    *request.mutable_options() = options;
    auto answer = std::make_shared<Answer<v1::GetResponse>>();
    reader_->Get(request, {}, &answer->response, [answer](const absl::Status& s) { answer->status = s; });
    return answer;
  }
  std::shared_ptr<Answer<v1::ListResponse>> StartList(const v1::ListRequest& request,
                                                      CallLimits limits = {}) {
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
  void Fill(int count, const std::string& value = "v") {
    for (int i = 0; i < count;) {
      std::vector<v1::Change> changes;
      for (int end = std::min(count, i + 1000); i < end; ++i)
        changes.push_back(Put(absl::StrCat("k/", absl::Dec(i, absl::kZeroPad6)), value));
      Commit(std::move(changes));
    }
  }

  ManualQueue points_;
  std::unique_ptr<ReadAdmission> admission_;
  std::unique_ptr<Reader> reader_;
  std::deque<v1::GetRequest> gets_;
  std::deque<v1::ListRequest> lists_;
};

TEST_F(ReaderTest, AnswersAPointReadAtOnce) {
  Commit({Put("a", "1")});
  const auto answer = Get("a");
  ASSERT_TRUE(answer->status.has_value());
  ASSERT_TRUE(answer->status->ok()) << *answer->status;
  EXPECT_EQ(answer->response.kv().value(), "1");
  EXPECT_EQ(answer->response.kv().mod_revision(), 2);
  EXPECT_EQ(answer->response.header().revision(), 2);
  EXPECT_EQ(answer->response.header().node_id(), "node-1");
  EXPECT_EQ(ReasonOf(*Get("b")->status), "KEY_NOT_FOUND");
  EXPECT_EQ(ReasonOf(*Get("a/../b")->status), "INVALID_KEY");
}

TEST_F(ReaderTest, HandsOverWhenAllReadersAreBusy) {
  Commit({Put("a", "1")});
  std::vector<std::unique_ptr<storage::ReadLease>> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(*store_->readers().Acquire());
  const auto answer = Get("a");
  EXPECT_FALSE(answer->status.has_value());
  leases.clear();
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(answer->response.kv().value(), "1");
}

TEST_F(ReaderTest, RefusesWhenTheWorkersAreFullToo) {
  Commit({Put("a", "1")});
  std::vector<std::unique_ptr<storage::ReadLease>> leases;
  for (int i = 0; i < 3; ++i) leases.push_back(*store_->readers().Acquire());
  points_.limit = 0;
  EXPECT_EQ(ReasonOf(*Get("a")->status), "RESOURCE_EXHAUSTED");
}

TEST_F(ReaderTest, WaitsForTheLeastRevisionThenReadsIt) {
  Commit({Put("a", "1")});
  const auto answer = Get("a", AtLeast(Revision(3)));
  Pass(absl::Seconds(4));
  EXPECT_FALSE(answer->status.has_value());
  Commit({Put("a", "2")});
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(answer->response.kv().value(), "2");
  EXPECT_EQ(waiters_->count(), 0);
}

TEST_F(ReaderTest, WaitsNoLongerThanFiveSeconds) {
  Commit({Put("a", "1")});
  const auto answer = Get("a", AtLeast(Revision(3)));
  Pass(absl::Seconds(6));
  points_.RunAll();
  ASSERT_TRUE(answer->status.has_value());
  EXPECT_EQ(ReasonOf(*answer->status), "STALE");
  EXPECT_EQ(DetailOf(*answer->status, "revision"), "2");
  EXPECT_EQ(DetailOf(*answer->status, "age_ms"), "300");
}

TEST_F(ReaderTest, ProvesItsFreshnessOrRefuses) {
  Commit({Put("a", "1")});
  v1::ReadOptions options;
  options.mutable_max_staleness()->set_nanos(300'000'000);
  EXPECT_TRUE(Get("a", options)->status->ok());
  staleness_ = absl::Milliseconds(301);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "STALE");
  staleness_.reset();
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "STALE");
  const auto answer = Get("a");
  EXPECT_TRUE(answer->status->ok()) << "who does not ask is answered (I12)";
  EXPECT_FALSE(answer->response.header().has_staleness());
}

TEST_F(ReaderTest, ShowsWhatItsBoundSpeaksOf) {
  Commit({Put("a", "1")});
  // A bound that was learned late, with a commit that the process has not looked at before.
  on_fresh_at_ = [this] {
    on_fresh_at_ = nullptr;
    Commit({Put("a", "2")});
  };
  v1::ReadOptions options;
  options.mutable_max_staleness()->set_nanos(300'000'000);
  EXPECT_EQ(Get("a", options)->response.kv().value(), "2");
}

TEST_F(ReaderTest, AnAnswerThatAgedOnItsWayIsNotGiven) {
  std::vector<v1::Change> changes;
  for (int i = 0; i < 2 * kMaxRowsPerLease; ++i) changes.push_back(Put(absl::StrCat("k/", 100000 + i), "v"));
  Commit(std::move(changes));
  v1::ListRequest request = ListOf("k/");
  request.set_count_only(true);
  const auto undemanding = StartList(request);
  request.mutable_options()->mutable_max_staleness()->set_seconds(1);
  const auto demanding = StartList(request);
  workers_.RunOne(), workers_.RunOne();  // both are admitted, and stopped half way
  const Revision read_at = store_->visible().revision;
  time_.RunFor(absl::Seconds(30));
  Commit({Put("k/1", "later")});
  workers_.RunAll();
  EXPECT_EQ(ReasonOf(demanding->status.value()), "STALE");
  EXPECT_TRUE(undemanding->status.value().ok());
  EXPECT_EQ(undemanding->response.header().revision(), read_at.number())
      << "whoever watches from here on misses nothing";
  EXPECT_GE(undemanding->response.header().staleness().seconds(), 30);
}

TEST_F(ReaderTest, ReadsOlderRevisions) {
  Commit({Put("a", "1")});
  Commit({Put("a", "2")});
  v1::ReadOptions options;
  options.set_at_revision(2);
  EXPECT_EQ(Get("a", options)->response.kv().value(), "1");
  options.set_at_revision(4);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "FUTURE_REVISION");
  store_.Show(store_.Append(storage::CompactDraft(Revision(3))));
  options.set_at_revision(2);
  EXPECT_EQ(ReasonOf(*Get("a", options)->status), "COMPACTED");
}

TEST_F(ReaderTest, AStandbyAnswersNothingButWhereToGo) {
  Commit({Put("a", "1")});
  NodeView view;
  view.role = v1::NODE_ROLE_STANDBY;
  view.primary_node_id = "dc1-a";
  view.primary_client_address = "dc1-a:7000";
  node_->Set(view);
  const auto answer = Get("a");
  EXPECT_EQ(ReasonOf(*answer->status), "STANDBY");
  EXPECT_EQ(DetailOf(*answer->status, "primary_address"), "dc1-a:7000");
  EXPECT_EQ(ReasonOf(*List(ListOf("a"))->status), "STANDBY");
}

TEST_F(ReaderTest, ListsARangeInPages) {
  Fill(2500);
  v1::ListRequest request = ListOf("k/");
  std::vector<int> sizes;
  std::string last;
  do {
    const auto page = List(request);
    ASSERT_TRUE(page->status->ok()) << *page->status;
    sizes.push_back(page->response.kvs_size());
    for (const v1::KeyValue& kv : page->response.kvs()) {
      EXPECT_LT(last, kv.key());
      last = kv.key();
    }
    request.set_page_token(page->response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(sizes, ElementsAre(1000, 1000, 500));
}

TEST_F(ReaderTest, AllPagesShowOneRevisionWhileCommitsGoOn) {
  Fill(100);
  v1::ListRequest request = ListOf("k/");
  request.set_page_size(30);
  std::map<std::string, std::string> listed;
  for (int round = 0;; ++round) {
    const auto page = List(request);
    ASSERT_TRUE(page->status->ok()) << *page->status;
    EXPECT_EQ(page->response.revision(), 2);
    for (const v1::KeyValue& kv : page->response.kvs()) listed[kv.key()] = kv.value();
    Commit({Put(absl::StrCat("k/0000", round, "x"), "new"), Delete("k/000050"), Put("k/000099", "changed")});
    if (page->response.next_page_token().empty()) break;
    request.set_page_token(page->response.next_page_token());
  }
  EXPECT_EQ(listed.size(), 100u);
  EXPECT_EQ(listed["k/000099"], "v");
  EXPECT_TRUE(listed.contains("k/000050"));
}

TEST_F(ReaderTest, PagesEndAtTheirBytes) {
  Fill(10, std::string(700 << 10, 'v'));
  const auto page = List(ListOf("k/"));
  EXPECT_EQ(page->response.kvs_size(), 2);
  EXPECT_FALSE(page->response.next_page_token().empty());
  v1::ListRequest keys = ListOf("k/");
  keys.set_keys_only(true);
  const auto all = List(keys);
  EXPECT_EQ(all->response.kvs_size(), 10);
  EXPECT_TRUE(all->response.kvs(0).value().empty());
  EXPECT_TRUE(all->response.next_page_token().empty());
}

TEST_F(ReaderTest, CountsWithoutReturningRows) {
  Fill(1234);
  v1::ListRequest request = ListOf("k/");
  request.set_count_only(true);
  const auto answer = List(request);
  EXPECT_EQ(answer->response.count(), 1234);
  EXPECT_EQ(answer->response.kvs_size(), 0);
  EXPECT_TRUE(answer->response.next_page_token().empty());
}

TEST_F(ReaderTest, RangesFollowEtcdSemantics) {
  Commit({Put("a", "1"), Put("b", "2"), Put("c", "3")});
  const auto keys = [this](const std::string& key, const std::string& end) {
    v1::ListRequest request;
    request.set_key(key);
    request.set_range_end(end);
    std::vector<std::string> found;
    const auto answer = List(request);
    for (const v1::KeyValue& kv : answer->response.kvs()) found.push_back(kv.key());
    return found;
  };
  const std::string zero(1, '\0');
  EXPECT_THAT(keys("a", ""), ElementsAre("a"));
  EXPECT_THAT(keys("a", "c"), ElementsAre("a", "b"));
  EXPECT_THAT(keys("b", zero), ElementsAre("b", "c"));
  EXPECT_THAT(keys(zero, zero), ElementsAre("a", "b", "c"));
  EXPECT_THAT(keys("c", "a"), ElementsAre());
}

TEST_F(ReaderTest, ALongListingTakesTurnsWithOthers) {
  Fill(1000);
  v1::ListRequest request = ListOf("k/");
  const auto first = StartList(request);
  const auto second = StartList(request);
  int turns = 0;
  while (!first->status && workers_.RunOne()) ++turns;
  EXPECT_GE(turns, 2 * (1000 / kMaxRowsPerLease));
  EXPECT_FALSE(second->status.has_value());
  workers_.RunOne();
  workers_.RunOne();
  EXPECT_TRUE(second->status.has_value());
}

TEST_F(ReaderTest, AListingThatARewindOvertakesBeginsAnewAndNeverMixesTwoHistories) {
  Fill(2 * kMaxRowsPerLease, "shared");
  const Position ancestor = store_->visible();
  Fill(2 * kMaxRowsPerLease, "lost");
  const auto listing = StartList(ListOf("k/"));
  v1::ListRequest of_lost = ListOf("k/");
  of_lost.mutable_options()->set_at_revision(store_->visible().revision.number());
  const auto exact = StartList(of_lost);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(workers_.RunOne());  // each has read a lease's worth
  ASSERT_TRUE(store_->RewindTo(ancestor, "test").ok());
  store_.Show(store_.Append(storage::EpochDraft("node-2"), 5));
  workers_.RunAll();
  ASSERT_TRUE(listing->status.has_value() && listing->status->ok());
  EXPECT_EQ(listing->response.kvs_size(), 2 * kMaxRowsPerLease);
  for (const v1::KeyValue& kv : listing->response.kvs()) ASSERT_EQ(kv.value(), "shared");
  EXPECT_EQ(listing->response.revision(), store_->visible().revision.number());
  ASSERT_TRUE(exact->status.has_value());
  EXPECT_EQ(ReasonOf(*exact->status), "REWOUND");
}

TEST_F(ReaderTest, StopsListingForClientsThatHaveGone) {
  Fill(1000);
  bool gone = false;
  CallLimits limits;
  limits.cancelled = [&gone] { return gone; };
  const auto answer = StartList(ListOf("k/"), limits);
  workers_.RunOne();
  EXPECT_FALSE(answer->status.has_value());
  gone = true;
  workers_.RunOne();
  EXPECT_EQ(answer->status->code(), absl::StatusCode::kCancelled);
  CallLimits late;
  late.deadline = clock_.SinceBoot();
  const auto too_late = StartList(ListOf("k/"), late);
  workers_.RunAll();
  EXPECT_EQ(ReasonOf(*too_late->status), "DEADLINE");
}

TEST_F(ReaderTest, RefusesMoreListingsThanTheWorkersTake) {
  Fill(10);
  workers_.limit = 0;
  EXPECT_EQ(ReasonOf(*StartList(ListOf("k/"))->status), "RESOURCE_EXHAUSTED");
}

TEST_F(ReaderTest, APageAskedOfANodeThatIsBehindWaits) {
  Fill(50);
  v1::ListRequest request = ListOf("k/");
  request.set_page_size(10);
  const auto first = List(request);
  // As if it came from a node that shows revision 3 already.
  request.set_page_token(EncodePageToken({Revision(3), "k/000010", Revision()}, Fingerprint(request)));
  const auto second = StartList(request);
  workers_.RunAll();
  EXPECT_FALSE(second->status.has_value());
  Commit({Put("z", "1")});
  workers_.RunAll();
  ASSERT_TRUE(second->status.has_value());
  EXPECT_EQ(second->response.kvs(0).key(), "k/000010");
}

}  // namespace
}  // namespace holdfast::serving
