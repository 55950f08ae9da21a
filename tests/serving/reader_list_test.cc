// Listings: pages, ranges, turns with others.
#include <gmock/gmock.h>

#include <map>

#include "base/error.h"
#include "base/limits.h"
#include "serving/page_token.h"
#include "tests/serving/reader_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;

class ReaderListTest : public ReaderTest {};

TEST_F(ReaderListTest, ListsARangeInPages) {
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

TEST_F(ReaderListTest, AllPagesShowOneRevisionWhileCommitsGoOn) {
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

TEST_F(ReaderListTest, PagesEndAtTheirBytes) {
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

TEST_F(ReaderListTest, CountsWithoutReturningRows) {
  Fill(1234);
  v1::ListRequest request = ListOf("k/");
  request.set_count_only(true);
  const auto answer = List(request);
  EXPECT_EQ(answer->response.count(), 1234);
  EXPECT_EQ(answer->response.kvs_size(), 0);
  EXPECT_TRUE(answer->response.next_page_token().empty());
}

TEST_F(ReaderListTest, RangesFollowEtcdSemantics) {
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

TEST_F(ReaderListTest, ALongListingTakesTurnsWithOthers) {
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

TEST_F(ReaderListTest, AListingThatARewindOvertakesBeginsAnewAndNeverMixesTwoHistories) {
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

TEST_F(ReaderListTest, StopsListingForClientsThatHaveGone) {
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

TEST_F(ReaderListTest, RefusesMoreListingsThanTheWorkersTake) {
  Fill(10);
  workers_.limit = 0;
  EXPECT_EQ(ReasonOf(*StartList(ListOf("k/"))->status), "RESOURCE_EXHAUSTED");
}

TEST_F(ReaderListTest, APageAskedOfANodeThatIsBehindWaits) {
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
