#include "client/grpc_transport.h"

#include "base/error.h"
#include "client/connect.h"
#include "client/errors.h"
#include "gtest/gtest.h"
#include "rpc/server.h"
#include "rpc/status.h"
#include "tests/client/fake_config_server.h"

namespace holdfast::client {
namespace {

TEST(GrpcTransportTest, AClientThatKnowsTwoNodesNoticesNothingWhenOneStops) {
  FakeConfigServer first("p1", 5);
  FakeConfigServer second("p2", 5);
  Options options;
  options.endpoints = {first.address(), second.address()};
  auto client = Connect(options);
  ASSERT_TRUE(client.ok()) << client.status();
  v1::GetRequest request;
  request.set_key("k");
  EXPECT_EQ((*client)->Get(request)->header().node_id(), "p1");
  first.Stop();
  for (int i = 0; i < 20; ++i) {
    const auto response = (*client)->Get(request);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->header().node_id(), "p2");
  }
}

TEST(GrpcTransportTest, KnowsThatARequestNeverLeft) {
  FakeConfigServer gone("p1", 5);
  const std::string address = gone.address();
  gone.Stop();
  auto transport = MakeGrpcTransport(std::move(*rpc::ChannelCache::Create({}, rpc::ChannelUse::kClient)));
  EXPECT_TRUE(NeverSent(transport->Commit(address, {}, absl::Seconds(5)).status()));
  EXPECT_TRUE(NeverSent(transport->Watch(address, {})->Finish()));
}

TEST(GrpcTransportTest, ACommitFollowsTheRedirectAcrossTheWire) {
  FakeConfigServer primary("primary", 5);
  FakeConfigServer proxy("p1", 5, primary.address());
  Options options;
  options.endpoints = {proxy.address()};
  auto client = Connect(options);
  ASSERT_TRUE(client.ok());
  const auto response = (*client)->Commit({});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->header().node_id(), "primary");
}

TEST(GrpcTransportTest, AWatchGoesOnAtTheOtherNodeWhenItsOwnStops) {
  FakeConfigServer first("p1", 5);
  FakeConfigServer second("p2", 5);
  Options options;
  options.endpoints = {first.address(), second.address()};
  auto client = Connect(options);
  ASSERT_TRUE(client.ok());
  auto watch = (*client)->StartWatch({});
  EXPECT_EQ(watch->Next()->header().node_id(), "p1");
  first.Stop();
  const auto response = watch->Next();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->header().node_id(), "p2");
  watch->Cancel();
  EXPECT_TRUE(absl::IsCancelled(watch->Next().status()));
}

TEST(ConnectTest, RefusesAnEndpointThatIsNoAddress) {
  Options options;
  options.endpoints = {"nonsense"};
  EXPECT_EQ(ReasonOf(Connect(options).status()), "INVALID_REQUEST");
}

}  // namespace
}  // namespace holdfast::client
