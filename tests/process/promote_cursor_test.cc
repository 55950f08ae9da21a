// Visible commits are lost by a recorded override. A client whose cursor comes from the lost history is told
// REWOUND, wherever it is: nothing is missed silently. (etcd, restored to revision 6 under a watcher at 11,
// delivers of seven puts only the last two: the numbers of the first five are used up for it.)
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/revision.h"
#include "tests/process/client_calls.h"
#include "tests/process/operation_fixture.h"

namespace holdfast::testing {
namespace {

constexpr char kPrefix[] = "watched";
constexpr int kLost = 5;
constexpr int kAfterwards = 7;

v1::WatchRequest FromRevision(int64_t start) {
  v1::WatchRequest request;
  request.set_key(absl::StrCat(kPrefix, "/"));
  request.set_range_end(absl::StrCat(kPrefix, "0"));
  request.set_start_revision(start);
  return request;
}

// What a client makes of a watch's messages.
struct Mirror {
  std::map<std::string, std::string> values;
  int64_t revision = 0;  // the last one delivered
  int rewound = 0;
  int events_since_rewound = 0;

  void Set(const v1::KeyValue& kv, bool exists) {
    const std::string name = kv.key().substr(std::string(kPrefix).size() + 1);
    values.erase(name);
    if (exists) values[name] = kv.value();
  }
  void Apply(const v1::WatchResponse& message) {
    if (message.has_rewound()) {
      ++rewound;
      events_since_rewound = 0;
      revision = message.rewound().common_revision();
      for (const v1::KeyValue& kv : message.rewound().restored()) Set(kv, kv.mod_revision() != 0);
    }
    for (const v1::WatchEvent& event : message.events()) {
      ++events_since_rewound;
      Set(event.kv(), !event.deleted());
    }
    revision = std::max(revision, message.revision());
  }
};

class PromoteCursorTest : public OperationTest {
 protected:
  PromoteCursorTest() : OperationTest(/*proxies=*/2) {}

  int64_t Put(const std::string& node, const std::string& key, const std::string& value) {
    v1::CommitRequest request;
    request.add_mutations()->set_key(absl::StrCat(kPrefix, "/", key));
    request.mutable_mutations(0)->set_put(value);
    const auto answer = playground_.ClientOf({node}, absl::Seconds(20))->Commit(request);
    EXPECT_TRUE(answer.ok()) << answer.status() << playground_.Logs();
    return answer.ok() ? answer->revision() : 0;
  }
  // Takes messages until the mirror stands at `revision`, or the watch ends; how it ended.
  absl::Status Follow(client::Watch& watch, Mirror* mirror, int64_t revision) {
    while (mirror->revision < revision) {
      const absl::StatusOr<v1::WatchResponse> next = NextWithin(watch, kPatience);
      if (!next.ok()) return next.status();
      mirror->Apply(*next);
    }
    return absl::OkStatus();
  }
};

TEST_F(PromoteCursorTest, AWatcherAReaderAndACursorFromALostHistoryAreToldAndMissNothing) {
  int64_t base = 0;
  for (int i = 0; i < 3; ++i) base = Put("dc1-a", absl::StrCat("base-", i), "0");
  // Who will be the primary, and a proxy that never has what will be lost.
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const std::vector<std::string> dc2 = playground_.IdsOf("dc2");
    return std::all_of(dc2.begin(), dc2.end(), [&](const std::string& node) {
      const auto status = StatusOf(node);
      return status && status->visible().revision() >= base;
    });
  }));
  const auto stays = playground_.ClientOf({"dc2-p1"});
  const auto watch = stays->StartWatch(FromRevision(1));
  Mirror staying;
  ASSERT_TRUE(Follow(*watch, &staying, base).ok());
  for (const char* const node : {"dc2-a", "dc2-p2"}) HoldBack(node);
  int64_t lost = 0;
  for (int i = 0; i < kLost; ++i) lost = Put("dc1-a", i == 0 ? "base-0" : absl::StrCat("lost-", i), "lost");
  // They were acknowledged, and shown.
  ASSERT_TRUE(Follow(*watch, &staying, lost).ok());
  ASSERT_EQ(staying.values["base-0"], "lost");
  Mirror coming = staying;

  std::vector<std::string> gone = playground_.IdsOf("dc1");
  gone.push_back("dc2-b");
  playground_.KillAll(gone);
  playground_.Signal("dc2-p1", SIGSTOP);  // with the watch open
  for (const char* const node : {"dc2-a", "dc2-p2"}) Disarm(node);
  const std::string endpoint = playground_.node("dc2-p2").address;
  std::vector<std::string> promote = {"promote", "dc2-a", "--accept-unknown-loss", "--endpoints", endpoint};
  const CommandResult promoted = CarryOut(promote);
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  int64_t newest = 0;
  for (int i = 0; i < kAfterwards; ++i)
    newest = Put("dc2-p2", i < 3 ? absl::StrCat("base-", i) : absl::StrCat("new-", i), "new");
  // By index alone, as etcd counts, some of the seven would have come before the cursor.
  ASSERT_LT(Revision(newest).index() - kAfterwards, Revision(lost).index());
  const auto reader = playground_.ClientOf({"dc2-p2"});
  reader->Observe(newest);
  const auto listing = ListBelow(*reader, kPrefix);
  ASSERT_TRUE(listing.ok()) << listing.status();
  const std::map<std::string, std::string>& current = listing->values;

  // It stayed connected to a proxy that is rewound: one message, and every change after it.
  playground_.Signal("dc2-p1", SIGCONT);
  const absl::Status stayed = Follow(*watch, &staying, newest);
  EXPECT_TRUE(stayed.ok()) << stayed << playground_.Logs();
  EXPECT_EQ(staying.rewound, 1);
  EXPECT_EQ(staying.events_since_rewound, kAfterwards);
  EXPECT_EQ(staying.values, current);

  // It comes with its cursor to a node that never had the lost records, and cannot know what they touched: it
  // is told to read again, and goes on from there.
  const auto comes = playground_.ClientOf({"dc2-p2"});
  const absl::Status refused = Follow(*comes->StartWatch(FromRevision(lost + 1)), &coming, newest);
  EXPECT_EQ(ReasonOf(refused), "REWOUND") << refused << " " << coming.rewound;
  const auto again = ListBelow(*comes, kPrefix);
  ASSERT_TRUE(again.ok()) << again.status();
  coming = Mirror{again->values, again->revision};
  const int64_t last = Put("dc2-p2", "base-1", "last");
  EXPECT_TRUE(Follow(*comes->StartWatch(FromRevision(again->revision + 1)), &coming, last).ok());
  std::map<std::string, std::string> expected = current;
  expected["base-1"] = "last";
  EXPECT_EQ(coming.values, expected);
  EXPECT_EQ(coming.events_since_rewound, 1);

  // A read that demands the lost tail.
  v1::GetRequest get;
  get.set_key(absl::StrCat(kPrefix, "/base-0"));
  get.mutable_options()->set_min_revision(lost);
  for (const char* const node : {"dc2-p1", "dc2-p2"}) {
    const auto answer = playground_.ClientOf({node})->Get(get);
    EXPECT_EQ(ReasonOf(answer.status()), "REWOUND") << node << ": " << answer.status();
    EXPECT_NE(DetailOf(answer.status(), "common_revision"), "");
  }
  ExpectOneHistory();
}

}  // namespace
}  // namespace holdfast::testing
