#include "serving/history_read.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/limits.h"
#include "serving/reader.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HistoryReadTest : public ServingFixture {
 protected:
  HistoryReadTest() {
    admission_ = std::make_unique<ReadAdmission>(
        ReadAdmission::Options{&store_.store(), node_.get(), waiters_.get(), &clock_});
    reader_ = std::make_unique<Reader>(
        Reader::Options{&store_.store(), admission_.get(), &clock_, workers_.queue(), workers_.queue()});
  }

  // `meanwhile` happens when the call has had `steps` turns on its worker.
  absl::StatusOr<v1::HistoryResponse> Ask(
      const v1::HistoryRequest& request, int steps = 0, const std::function<void()>& meanwhile = [] {}) {
    v1::HistoryResponse response;
    std::optional<absl::Status> status;
    reader_->History(request, {}, &response, [&status](const absl::Status& s) { status = s; });
    for (int i = 0; i < steps; ++i) EXPECT_TRUE(workers_.RunOne());
    EXPECT_FALSE(steps > 0 && status.has_value()) << "too late";
    meanwhile();
    workers_.RunAll();
    if (!status->ok()) return *status;
    return response;
  }
  static std::vector<std::string> Events(const v1::HistoryResponse& response) {
    std::vector<std::string> events;
    for (const v1::HistoryEntry& entry : response.entries()) {
      for (const v1::WatchEvent& event : entry.events()) events.push_back(ListSink::Text(event));
    }
    return events;
  }
  void RewindTo(const Position& ancestor) {
    const auto salvaged = store_->RewindTo(ancestor, "for the test");
    ASSERT_TRUE(salvaged.ok()) << salvaged.status();
  }
  void BeginEpoch(uint64_t epoch) { store_.Show(store_.Append(storage::EpochDraft("node-2"), epoch)); }
  static v1::HistoryRequest Of(const std::string& key) {
    v1::HistoryRequest request;
    request.set_key(key);
    return request;
  }
  static v1::HistoryRequest OfPrefix(const std::string& prefix) {
    v1::HistoryRequest request = Of(prefix);
    request.set_range_end(PrefixEnd(prefix));
    return request;
  }
  // All pages, as "revision key=value".
  std::vector<std::string> All(v1::HistoryRequest request, int* pages = nullptr) {
    std::vector<std::string> all;
    do {
      const auto response = Ask(request);
      EXPECT_TRUE(response.ok()) << response.status();
      if (!response.ok()) return all;
      if (pages != nullptr) ++*pages;
      for (const std::string& event : Events(*response)) all.push_back(event);
      request.set_page_token(response->next_page_token());
    } while (!request.page_token().empty());
    return all;
  }

  std::unique_ptr<ReadAdmission> admission_;
  std::unique_ptr<Reader> reader_;
};

TEST_F(HistoryReadTest, TellsAKeysPastNewestFirst) {
  Commit({Put("a", "1"), Put("b", "x")});
  Commit({Put("b", "y")});
  Commit({Delete("a")});
  Commit({Put("b", "z")});
  Commit({Put("a", "2")});
  EXPECT_THAT(All(Of("a")), ElementsAre("0.6 a=2", "0.4 a deleted", "0.2 a=1"));
  EXPECT_THAT(All(Of("never")), IsEmpty());
}

TEST_F(HistoryReadTest, SaysWhoWhenAndWhy) {
  storage::RecordDraft draft = storage::CommitDraft({Put("a", "1")}, "0123456789abcdef");
  draft.commit->set_message("because");
  draft.commit->set_principal("cn=ops");
  draft.commit->set_import_id("import-7");
  store_.Show(store_.Append(draft));
  const auto response = Ask(Of("a"));
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->entries_size(), 1);
  const v1::HistoryEntry& entry = response->entries(0);
  EXPECT_EQ(entry.author(), "tester");
  EXPECT_EQ(entry.message(), "because");
  EXPECT_EQ(entry.principal(), "cn=ops");
  EXPECT_EQ(entry.import_id(), "import-7");
  EXPECT_EQ(entry.origin_node(), "node-1");
  EXPECT_EQ(entry.request_id(), "0123456789abcdef");
  EXPECT_EQ(entry.time().seconds(), absl::ToUnixSeconds(store_.clock().Now()));
  EXPECT_EQ(response->oldest_revision(), 1);
  EXPECT_EQ(response->header().node_id(), "node-1");
}

TEST_F(HistoryReadTest, TellsARangesPastInPages) {
  std::vector<std::string> expected;
  for (int i = 0; i < 700; ++i) {
    const std::string key = absl::StrCat("a/", i % 7);
    const Position at = Commit({Put(key, "v"), Put("b", "other")});
    expected.insert(expected.begin(), absl::StrCat(at.revision.ToString(), " ", key, "=v"));
  }
  int pages = 0;
  EXPECT_EQ(All(OfPrefix("a/"), &pages), expected);
  EXPECT_EQ(pages, 8) << "seven full ones, and one that finds nothing before them";
  v1::HistoryRequest small = OfPrefix("a/");
  small.set_page_size(333);
  pages = 0;
  EXPECT_EQ(All(small, &pages), expected);
  EXPECT_EQ(pages, 3);
}

TEST_F(HistoryReadTest, LargeRecordsArePagedByTheirBytes) {
  for (int i = 0; i < 8; ++i) Commit({Put("a/1", std::string(1 << 20, 'v'))});
  int pages = 0;
  EXPECT_EQ(All(OfPrefix("a/"), &pages).size(), 8u);
  EXPECT_GE(pages, 4);
  v1::HistoryRequest keys = OfPrefix("a/");
  keys.set_keys_only(true);
  pages = 0;
  EXPECT_EQ(All(keys, &pages).size(), 8u);
  EXPECT_EQ(pages, 1);
}

TEST_F(HistoryReadTest, StaysBetweenTheRevisionsAskedFor) {
  for (int i = 0; i < 6; ++i) Commit({Put("a", absl::StrCat(i))});  // 2 to 7
  for (v1::HistoryRequest request : {Of("a"), OfPrefix("a")}) {
    request.set_after_revision(3);
    request.set_up_to_revision(5);
    EXPECT_THAT(All(request), ElementsAre("0.5 a=3", "0.4 a=2"));
  }
}

TEST_F(HistoryReadTest, GoesBackThroughEpochs) {
  Commit({Put("a", "1")});
  store_.Show(store_.Append(storage::EpochDraft("node-2"), 5));
  Commit({Put("a", "2")});
  EXPECT_THAT(All(Of("a")), ElementsAre("5.4 a=2", "0.2 a=1"));
  EXPECT_THAT(All(OfPrefix("a")), ElementsAre("5.4 a=2", "0.2 a=1"));
}

TEST_F(HistoryReadTest, KnowsAnEpochThatBeganWhileItWaitedForItsTurn) {
  Commit({Put("a", "1")});
  const auto response = Ask(Of("a"), 0, [this] {
    BeginEpoch(1);
    Commit({Put("a", "2")});
    Commit({Put("a", "3")});
  });
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Events(*response), ElementsAre("1.5 a=3", "1.4 a=2", "0.2 a=1"));
}

TEST_F(HistoryReadTest, BeginsAnewInTheHistoryThatARewindLeft) {
  const Position ancestor = Commit({Put("a", "1")});
  Commit({Put("a", "lost")});
  Commit({Put("a", "lost")});
  const auto response = Ask(Of("a"), 1, [&] {
    RewindTo(ancestor);
    BeginEpoch(1);
    Commit({Put("a", "2")});
    Commit({Put("a", "3")});
  });
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(Events(*response), ElementsAre("1.5 a=3", "1.4 a=2", "0.2 a=1"));
}

TEST_F(HistoryReadTest, WhatCameAfterARevisionThatWasLostMeanwhileIsNotTold) {
  const Position ancestor = Commit({Put("a", "1")});
  v1::HistoryRequest request = Of("a");
  request.set_after_revision(Commit({Put("a", "lost")}).revision.number());
  const auto response = Ask(request, 0, [&] {
    RewindTo(ancestor);
    BeginEpoch(1);
    Commit({Put("a", "2")});
  });
  EXPECT_EQ(ReasonOf(response.status()), "REWOUND");
  EXPECT_EQ(DetailOf(response.status(), "common_revision"), "2");
}

TEST_F(HistoryReadTest, EndsWhereTheLogWasCompacted) {
  for (int i = 0; i < 6; ++i) Commit({Put("a", absl::StrCat(i))});  // 2 to 7
  store_.Show(store_.Append(storage::CompactDraft(Revision(5))));
  store_.MaintainFully();
  EXPECT_THAT(All(Of("a")), ElementsAre("0.7 a=5", "0.6 a=4"));
  EXPECT_THAT(All(OfPrefix("a")), ElementsAre("0.7 a=5", "0.6 a=4"));
  EXPECT_EQ(Ask(Of("a"))->oldest_revision(), 6);
}

TEST_F(HistoryReadTest, RefusesWhatItCannotKnow) {
  Commit({Put("a", "1")});
  v1::HistoryRequest future = Of("a");
  future.set_up_to_revision(9);
  EXPECT_EQ(ReasonOf(Ask(future).status()), "FUTURE_REVISION");
  store_.Show(store_.Append(storage::EpochDraft("node-2"), 1));
  v1::HistoryRequest lost = Of("a");
  lost.set_after_revision(9);
  EXPECT_EQ(ReasonOf(Ask(lost).status()), "REWOUND");
  lost.set_up_to_revision(1);
  EXPECT_EQ(ReasonOf(Ask(lost).status()), "REWOUND");
  v1::HistoryRequest forged = Of("a");
  forged.set_page_token("forged");
  EXPECT_EQ(ReasonOf(Ask(forged).status()), "INVALID_REQUEST");
  EXPECT_EQ(ReasonOf(Ask(Of("")).status()), "INVALID_KEY");
}

}  // namespace
}  // namespace holdfast::serving
