#include "rpc/server.h"

#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/channel.h"
#include "rpc/health.h"
#include "tests/rpc/fake_config_service.h"

namespace holdfast::rpc {
namespace {

ServerOptions Loopback() {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  return options;
}

std::shared_ptr<grpc::Channel> ChannelTo(const Server& server) {
  return *(*ChannelCache::Create({}, ChannelUse::kClient))->Get(server.address());
}

TEST(ServerTest, AnswersCallsAtThePortItTook) {
  PrincipalService service;
  auto server = Server::Start(Loopback(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_NE((*server)->port(), 0);
  auto stub = v1::ConfigService::NewStub(ChannelTo(**server));
  grpc::ClientContext context;
  SetTimeout(context, absl::Seconds(10));
  v1::GetResponse response;
  ASSERT_TRUE(stub->Get(&context, v1::GetRequest(), &response).ok());
  EXPECT_EQ(response.kv().value(), "");
  EXPECT_EQ(response.kv().version(), 1);  // the deadline arrived
}

TEST(ServerTest, AnErrorKeepsItsReasonAcrossARealCall) {
  PrincipalService service;
  auto server = Server::Start(Loopback(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  auto stub = v1::ConfigService::NewStub(ChannelTo(**server));
  grpc::ClientContext context;
  v1::GetRequest request;
  request.set_key("absent");
  v1::GetResponse response;
  const absl::Status status = FromGrpcStatus(stub->Get(&context, request, &response));
  EXPECT_EQ(ReasonOf(status), "KEY_NOT_FOUND");
  EXPECT_EQ(DetailOf(status, "key"), "absent");
}

TEST(ServerTest, ATakenPortIsAnErrorThatSaysWhomToAsk) {
  PrincipalService service;
  auto first = Server::Start(Loopback(), {&service});
  ASSERT_TRUE(first.ok()) << first.status();
  ServerOptions again;
  again.address = (*first)->address();
  PrincipalService other;
  const auto second = Server::Start(again, {&other});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(ReasonOf(second.status()), "IO_ERROR");
  EXPECT_EQ(DetailOf(second.status(), "address"), (*first)->address());
  EXPECT_NE(second.status().message().find("ss -ltnp"), absl::string_view::npos) << second.status();
}

TEST(ServerTest, RefusesToListenBeyondLoopbackWithoutTlsUnlessToldTo) {
  PrincipalService service;
  ServerOptions open;
  open.address = "0.0.0.0:0";
  const auto refused = Server::Start(open, {&service});
  EXPECT_EQ(ReasonOf(refused.status()), "PERMISSION_DENIED");
  open.insecure = true;
  EXPECT_TRUE(Server::Start(open, {&service}).ok());
}

TEST(ServerTest, HealthFollowsServing) {
  PrincipalService service;
  auto server = Server::Start(Loopback(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(ProbeHealth(ChannelTo(**server), absl::Seconds(10)), HealthAnswer::kNotServing);
  (*server)->SetServing(true);
  EXPECT_EQ(ProbeHealth(ChannelTo(**server), absl::Seconds(10)), HealthAnswer::kServing);
  (*server)->SetServing(false);
  EXPECT_EQ(ProbeHealth(ChannelTo(**server), absl::Seconds(10)), HealthAnswer::kNotServing);
}

TEST(ServerTest, AfterShutdownThePortIsFreeAgain) {
  PrincipalService service;
  auto server = Server::Start(Loopback(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  ServerOptions again;
  again.address = (*server)->address();
  (*server)->Shutdown(absl::ZeroDuration());
  PrincipalService other;
  EXPECT_TRUE(Server::Start(again, {&other}).ok());
}

}  // namespace
}  // namespace holdfast::rpc
