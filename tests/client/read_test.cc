#include "gmock/gmock.h"
#include "tests/client/client_fixture.h"

namespace holdfast::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ReadTest : public ClientTest {
 protected:
  static absl::Status Lost(int64_t asked, int64_t common) {
    return Failure("REWOUND",
                   {{"revision", std::to_string(asked)}, {"common_revision", std::to_string(common)}});
  }
};

class ReadFailoverTest : public ClientTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(ReadFailoverTest, GoesToTheNextEndpointAtOnce) {
  network_->nodes["a:1"].get = Fails(Failure(GetParam()));
  network_->nodes["b:1"].get = Answers(5);
  EXPECT_TRUE(GetKey().ok());
  EXPECT_THAT(network_->addresses(), ElementsAre("a:1", "b:1"));
}

INSTANTIATE_TEST_SUITE_P(Reasons, ReadFailoverTest,
                         ::testing::Values("UNREACHABLE", "DRAINING", "RECOVERING", "STALE", "STANDBY",
                                           "DATA_DAMAGED", "IO_ERROR", "DEADLINE", "RESOURCE_EXHAUSTED",
                                           "NOT_INITIALIZED", "FUTURE_REVISION"));

class ReadFinalTest : public ClientTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(ReadFinalTest, IsReportedWithoutAskingOthers) {
  network_->nodes["a:1"].get = Fails(Failure(GetParam()));
  network_->nodes["b:1"].get = Answers(5);
  EXPECT_EQ(ReasonOf(GetKey().status()), GetParam());
  EXPECT_THAT(network_->addresses(), ElementsAre("a:1"));
}

INSTANTIATE_TEST_SUITE_P(Reasons, ReadFinalTest,
                         ::testing::Values("KEY_NOT_FOUND", "INVALID_KEY", "COMPACTED", "REWOUND",
                                           "PERMISSION_DENIED", "INTERNAL", "WRONG_CLUSTER"));

TEST_F(ReadTest, StaysWithTheEndpointThatAnswered) {
  network_->nodes["b:1"].get = Answers(5);
  ASSERT_TRUE(GetKey().ok());
  ASSERT_TRUE(GetKey().ok());
  EXPECT_THAT(network_->addresses(), ElementsAre("a:1", "b:1", "b:1"));
}

TEST_F(ReadTest, DemandsTheHighestRevisionSeen) {
  network_->nodes["a:1"].get = Answers(7);
  ASSERT_TRUE(GetKey().ok());
  ASSERT_TRUE(GetKey().ok());
  EXPECT_EQ(network_->calls[0].get.options().min_revision(), 0);
  EXPECT_EQ(network_->calls[1].get.options().min_revision(), 7);
  EXPECT_EQ(client_->seen_revision(), 7);
}

TEST_F(ReadTest, AHistoricalReadDemandsNothing) {
  client_->Observe(9);
  network_->nodes["a:1"].get = Answers(9);
  v1::GetRequest request;
  request.mutable_options()->set_at_revision(3);
  ASSERT_TRUE(client_->Get(request).ok());
  EXPECT_EQ(network_->calls[0].get.options().min_revision(), 0);
}

TEST_F(ReadTest, AfterALostHistoryTheSessionBeginsAnewAtTheCommonRevision) {
  client_->Observe(900);
  network_->nodes["a:1"].get = Fails(Lost(900, 800));
  EXPECT_EQ(ReasonOf(GetKey().status()), "REWOUND");
  EXPECT_EQ(client_->seen_revision(), 800);
}

TEST_F(ReadTest, WhatWasSeenOfTheNewHistoryMeanwhileIsStillDemanded) {
  client_->Observe(900);
  network_->nodes["a:1"].get = [this](const v1::GetRequest&) -> absl::StatusOr<v1::GetResponse> {
    client_->Observe(1000);  // another thread's commit at the new primary
    return Lost(900, 800);
  };
  EXPECT_EQ(ReasonOf(GetKey().status()), "REWOUND");
  EXPECT_EQ(client_->seen_revision(), 1000);
}

TEST_F(ReadTest, ALostRevisionOfThePastLeavesTheSessionWhereItIs) {
  client_->Observe(1000);
  network_->nodes["a:1"].get = Fails(Lost(900, 800));
  v1::GetRequest request;
  request.mutable_options()->set_at_revision(900);
  EXPECT_EQ(ReasonOf(client_->Get(request).status()), "REWOUND");
  EXPECT_EQ(client_->seen_revision(), 1000);
}

TEST_F(ReadTest, NamesEveryEndpointWhenNobodyAnswers) {
  const absl::Status status = GetKey().status();
  EXPECT_EQ(ReasonOf(status), "UNREACHABLE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("a:1"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("b:1"));
  EXPECT_EQ(network_->calls.size(), static_cast<size_t>(2 * Options().max_rounds));  // two endpoints
}

TEST_F(ReadTest, ReportsTheNodeThatAnsweredRatherThanTheOneThatIsGone) {
  network_->nodes["a:1"].get = Fails(Failure("STANDBY"));
  EXPECT_EQ(ReasonOf(GetKey().status()), "STANDBY");
}

TEST_F(ReadTest, ADemandForFreshnessIsAnsweredWithStaleWithoutWaiting) {
  network_->nodes["a:1"].get = Fails(Failure("STALE"));
  network_->nodes["b:1"].get = Fails(Failure("STALE"));
  v1::GetRequest request;
  request.mutable_options()->mutable_max_staleness()->set_seconds(2);
  EXPECT_EQ(ReasonOf(client_->Get(request).status()), "STALE");
  EXPECT_EQ(network_->calls.size(), 2u);
}

TEST_F(ReadTest, ASilentNodeGetsNoLongTime) {
  network_->nodes["b:1"].get = Answers(5);
  ASSERT_TRUE(GetKey().ok());
  EXPECT_LE(network_->calls[0].timeout, absl::Seconds(1)) << "it may be one of a site that is gone";
  EXPECT_GT(network_->calls[1].timeout, absl::Seconds(5));
}

TEST_F(ReadTest, ListAllGoesThroughThePagesAlsoWhenANodeLeavesBetweenThem) {
  const auto page = [](const std::string& key, const std::string& token) {
    v1::ListResponse response;
    response.add_kvs()->set_key(key);
    response.set_next_page_token(token);
    response.set_revision(12);
    return response;
  };
  network_->nodes["a:1"].list = [&](const v1::ListRequest& request) -> absl::StatusOr<v1::ListResponse> {
    if (!request.page_token().empty()) return Failure("DRAINING");
    return page("k1", "next");
  };
  network_->nodes["b:1"].list = [&](const v1::ListRequest& request) -> absl::StatusOr<v1::ListResponse> {
    EXPECT_EQ(request.page_token(), "next");
    return page("k2", "");
  };
  std::vector<std::string> keys;
  const auto revision = client_->ListAll({}, [&](v1::KeyValue& kv) {
    keys.push_back(kv.key());
    return absl::OkStatus();
  });
  EXPECT_EQ(*revision, 12);
  EXPECT_THAT(keys, ElementsAre("k1", "k2"));
}

TEST(ClientCreateTest, RefusesToBeMadeWithoutEndpoints) {
  EXPECT_EQ(ReasonOf(Client::Create({}, std::make_unique<FakeTransport>()).status()), "INVALID_REQUEST");
}

}  // namespace
}  // namespace holdfast::client
