#include "client/watch.h"

#include <thread>

#include "gmock/gmock.h"
#include "tests/client/client_fixture.h"

namespace holdfast::client {
namespace {

using ::testing::ElementsAre;

class WatchTest : public ClientTest {
 protected:
  struct Change {
    int64_t revision;
    std::string key;
  };
  static v1::WatchResponse Message(int64_t revision, const std::vector<Change>& changes,
                                   bool fragment = false) {
    v1::WatchResponse response;
    for (const Change& change : changes) {
      auto* kv = response.add_events()->mutable_kv();
      kv->set_key(change.key);
      kv->set_mod_revision(change.revision);
    }
    if (!fragment) response.set_revision(revision);
    response.set_fragment(fragment);
    return response;
  }
  static v1::WatchResponse Hello(int64_t revision) {
    v1::WatchResponse response;
    response.mutable_header()->set_revision(revision);
    return response;
  }
  static v1::WatchResponse Rewound(int64_t common) {
    v1::WatchResponse response = Hello(common);
    response.mutable_rewound()->set_common_revision(common);
    response.set_revision(common);
    return response;
  }
  void Script(const std::string& address, std::deque<v1::WatchResponse> messages,
              std::optional<absl::Status> end) {
    network_->nodes[address].watches.push_back({std::move(messages), std::move(end)});
  }
  // "revision:key" of the next `count` events.
  static std::vector<std::string> Take(Watch& watch, size_t count) {
    std::vector<std::string> taken;
    while (taken.size() < count) {
      const auto response = watch.Next();
      if (!response.ok()) {
        ADD_FAILURE() << response.status();
        break;
      }
      for (const auto& event : response->events()) {
        taken.push_back(std::to_string(event.kv().mod_revision()) + ":" + event.kv().key());
      }
    }
    return taken;
  }
  const v1::WatchRequest& Asked(size_t call) { return network_->calls.at(call).watch; }
};

TEST_F(WatchTest, GoesOnAtAnotherEndpointAfterTheLastRevisionDelivered) {
  Script("a:1", {Hello(10), Message(11, {{11, "k"}})}, Failure("UNREACHABLE"));
  Script("b:1", {Hello(12), Message(12, {{12, "k"}})}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 2), ElementsAre("11:k", "12:k"));
  EXPECT_EQ(Asked(0).start_revision(), 0);
  EXPECT_EQ(Asked(1).start_revision(), 12);
  EXPECT_EQ(Asked(1).min_revision(), 11);
  EXPECT_EQ(network_->calls[1].address, "b:1");
}

TEST_F(WatchTest, AQuietWatchGoesOnFromTheRevisionOfItsFirstHeader) {
  Script("a:1", {Hello(10)}, Failure("DRAINING"));
  Script("b:1", {Message(13, {{13, "k"}})}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 1), ElementsAre("13:k"));
  EXPECT_EQ(Asked(1).start_revision(), 11);
}

TEST_F(WatchTest, ACommitCutInTheMiddleIsNeitherLostNorRepeated) {
  Script("a:1", {Hello(10), Message(11, {{11, "a"}, {11, "b"}}, /*fragment=*/true)}, Failure("UNREACHABLE"));
  Script("b:1", {Message(11, {{11, "a"}, {11, "b"}}, true), Message(11, {{11, "c"}})}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 3), ElementsAre("11:a", "11:b", "11:c"));
  EXPECT_EQ(Asked(1).start_revision(), 11);
}

TEST_F(WatchTest, GoesWhereALeavingNodeSendsIt) {
  v1::WatchResponse leave = Message(11, {{11, "k"}});
  leave.set_try_address("c:1");
  Script("a:1", {Hello(10), leave}, absl::OkStatus());
  Script("c:1", {Message(12, {{12, "k"}})}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 2), ElementsAre("11:k", "12:k"));
  EXPECT_EQ(watch->address(), "c:1");
}

TEST_F(WatchTest, EndsWhenTheRevisionsItNeedsAreGone) {
  Script("a:1", {Hello(10)}, Failure("COMPACTED", {{"oldest_revision", "50"}}));
  auto watch = client_->StartWatch({});
  ASSERT_TRUE(watch->Next().ok());
  EXPECT_EQ(DetailOf(watch->Next().status(), "oldest_revision"), "50");
  EXPECT_EQ(ReasonOf(watch->Next().status()), "COMPACTED");  // and stays ended
}

TEST_F(WatchTest, ALostHistoryIsToldAndTheWatchGoesOnBehindIt) {
  v1::WatchResponse rewound = Hello(9);
  rewound.mutable_rewound()->set_common_revision(9);
  Script("a:1", {Hello(10), Message(11, {{11, "k"}})}, Failure("UNREACHABLE"));
  Script("b:1", {}, Failure("REWOUND"));
  Script("a:1", {rewound, Message(20, {{20, "k"}})}, Failure("UNREACHABLE"));
  Script("b:1", {}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 2), ElementsAre("11:k", "20:k"));
  EXPECT_EQ(Asked(2).min_revision(), 0);  // asks the stream itself what was lost
  EXPECT_EQ(watch->next_revision(), 21);
}

TEST_F(WatchTest, ALostHistoryIsNoLongerDemanded) {
  Script("a:1", {Hello(10), Message(11, {{11, "k"}}), Rewound(9)}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 1), ElementsAre("11:k"));
  EXPECT_EQ(client_->seen_revision(), 11);
  ASSERT_TRUE(watch->Next().ok());
  EXPECT_EQ(client_->seen_revision(), 9);
}

// Its node was cut after the application had already committed at the new primary.
TEST_F(WatchTest, ARewindTakesNothingBackThatTheWatchDidNotTell) {
  Script("a:1", {Hello(10), Message(11, {{11, "k"}}), Rewound(9)}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 1), ElementsAre("11:k"));
  client_->Observe(70);
  ASSERT_TRUE(watch->Next().ok());
  EXPECT_EQ(client_->seen_revision(), 70);
}

TEST_F(WatchTest, ARewindTakesNothingBackThatOnlyAnotherNodeHadShown) {
  Script("a:1", {Hello(70), Message(11, {{11, "k"}})}, Failure("UNREACHABLE"));  // it reads what is behind
  Script("b:1", {Hello(13), Message(13, {{13, "k"}}), Rewound(9)}, std::nullopt);
  v1::WatchRequest from_the_past;
  from_the_past.set_start_revision(11);
  auto watch = client_->StartWatch(from_the_past);
  EXPECT_THAT(Take(*watch, 2), ElementsAre("11:k", "13:k"));
  ASSERT_TRUE(watch->Next().ok());
  EXPECT_EQ(client_->seen_revision(), 70);
}

// What was read before is lost, and a stream "from now on" would never say so.
TEST_F(WatchTest, EndsWhenItsFirstDemandIsLost) {
  client_->Observe(10);
  Script("a:1", {}, Failure("REWOUND"));
  Script("b:1", {Hello(20)}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_EQ(ReasonOf(watch->Next().status()), "REWOUND");
}

TEST_F(WatchTest, ARewindThatWasCutInTheMiddleIsAskedForAgain) {
  v1::WatchResponse begun = Rewound(9);
  begun.set_fragment(true);
  begun.clear_revision();
  Script("a:1", {Hello(10), Message(11, {{11, "k"}}), begun}, Failure("UNREACHABLE"));
  Script("b:1", {Rewound(9)}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 1), ElementsAre("11:k"));
  ASSERT_TRUE(watch->Next()->has_rewound());
  ASSERT_TRUE(watch->Next()->has_rewound());
  EXPECT_EQ(Asked(1).start_revision(), 12);
  EXPECT_EQ(watch->next_revision(), 10);
}

TEST_F(WatchTest, CancelEndsAWaitingNext) {
  Script("a:1", {Hello(10)}, std::nullopt);
  auto watch = client_->StartWatch({});
  ASSERT_TRUE(watch->Next().ok());
  std::thread canceller([&] { watch->Cancel(); });
  EXPECT_TRUE(absl::IsCancelled(watch->Next().status()));
  canceller.join();
}

TEST_F(WatchTest, KeepsAskingWhileNobodyAnswersUntilSomebodyDoes) {
  Script("a:1", {}, Failure("UNREACHABLE"));
  Script("a:1", {}, Failure("STALE"));
  Script("b:1", {}, Failure("STANDBY"));
  Script("b:1", {Message(5, {{5, "k"}})}, std::nullopt);
  auto watch = client_->StartWatch({});
  EXPECT_THAT(Take(*watch, 1), ElementsAre("5:k"));
}

}  // namespace
}  // namespace holdfast::client
