#include "rpc/credentials.h"

#include <fstream>

#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/certificate.h"
#include "rpc/channel.h"
#include "rpc/connect.h"
#include "rpc/server.h"
#include "rpc/unreachable.h"
#include "tests/rpc/fake_config_service.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificates.h"

namespace holdfast::rpc {
namespace {

using ::holdfast::testing::TestAuthority;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : authority_(directory_.path(), "ours") {}

  TlsFiles Issue(const std::string& name, const std::vector<std::string>& names = {"IP:127.0.0.1"}) {
    const TestAuthority::Files files = authority_.Issue(name, names);
    return {files.ca, files.cert, files.key};
  }

  std::unique_ptr<Server> Listen(Admit admit) {
    ServerOptions options;
    options.address = "127.0.0.1:0";
    options.tls = Issue("server-1");
    options.admit = admit;
    auto server = Server::Start(options, {&service_});
    EXPECT_TRUE(server.ok()) << server.status();
    return std::move(*server);
  }

  absl::StatusOr<std::string> PrincipalSeenBy(const Server& server, const TlsFiles& files) {
    auto cache = ChannelCache::Create(files, ChannelUse::kClient);
    if (!cache.ok()) return cache.status();
    auto stub = v1::ConfigService::NewStub(*(*cache)->Get(server.address()));
    grpc::ClientContext context;
    SetTimeout(context, absl::Seconds(20));
    v1::GetResponse response;
    const grpc::Status status = stub->Get(&context, v1::GetRequest(), &response);
    if (!status.ok()) return FromGrpcStatus(status);
    return response.kv().value();
  }

  testing::TemporaryDirectory directory_;
  TestAuthority authority_;
  PrincipalService service_;
};

TEST_F(TlsTest, SaysHowLongTheNodesCertificateAndItsAuthorityAreGood) {
  const absl::Time now = RealClock()->Now();
  const auto year = ReadTlsEnds(Issue("long"));
  ASSERT_TRUE(year.ok()) << year.status();
  EXPECT_GT(year->certificate - now, absl::Hours(300 * 24));
  EXPECT_GT(year->authority - now, absl::Hours(300 * 24));
  const auto files = authority_.Issue("short", {"IP:127.0.0.1"}, TestAuthority::Validity::kNearlyOver);
  const auto day = ReadTlsEnds({files.ca, files.cert, files.key});
  ASSERT_TRUE(day.ok()) << day.status();
  EXPECT_LT(day->certificate - now, absl::Hours(25));
  EXPECT_GT(day->certificate - now, absl::Hours(23));
  EXPECT_EQ(ReasonOf(ReadTlsEnds({files.ca, files.key, files.key}).status()), "IO_ERROR");
  EXPECT_EQ(ReasonOf(ReadTlsEnds({directory_ / "none", files.cert, files.key}).status()), "IO_ERROR");
}

TEST_F(TlsTest, AnOwnListenerIsReachedByLoopbackThoughItsCertificateNamesTheHost) {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.tls = Issue("node-a", {"DNS:a.example"});
  const auto server = Server::Start(options, {&service_});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto get = [&](const std::string& host) {
    const auto channel = ChannelToOwnListener(options.tls, (*server)->address(), host);
    const auto stub = v1::ConfigService::NewStub(*channel);
    grpc::ClientContext context;
    SetTimeout(context, absl::Seconds(20));
    v1::GetResponse response;
    return stub->Get(&context, v1::GetRequest(), &response).ok();
  };
  EXPECT_TRUE(get("a.example"));
  EXPECT_FALSE(get("b.example"));
}

TEST_F(TlsTest, TheCommonNameIsThePrincipal) {
  const auto server = Listen(Admit::kAnyCertificate);
  EXPECT_EQ(*PrincipalSeenBy(*server, Issue("alice")), "alice");
}

TEST_F(TlsTest, ACallerWithoutCertificateIsNotLetIn) {
  const auto server = Listen(Admit::kAnyCertificate);
  EXPECT_EQ(ReasonOf(PrincipalSeenBy(*server, {}).status()), "UNREACHABLE");
}

TEST_F(TlsTest, ACertificateOfAnotherAuthorityIsNotLetIn) {
  const auto server = Listen(Admit::kAnyCertificate);
  TestAuthority other(directory_.path(), "theirs");
  const TestAuthority::Files files = other.Issue("mallory", {});
  EXPECT_EQ(ReasonOf(PrincipalSeenBy(*server, {Issue("x").ca, files.cert, files.key}).status()),
            "UNREACHABLE");
}

TEST_F(TlsTest, AServerWithoutTheAddressInItsCertificateIsNotTrusted) {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.tls = Issue("server-2", {"DNS:elsewhere.example"});
  auto server = Server::Start(options, {&service_});
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(ReasonOf(PrincipalSeenBy(**server, Issue("alice")).status()), "UNREACHABLE");
}

TEST_F(TlsTest, ThePeerListenerAdmitsNodesAndOperatorsOnly) {
  const auto server = Listen(Admit::kNodesAndOperators);
  EXPECT_EQ(*PrincipalSeenBy(*server, Issue("p2", {"URI:holdfast://node/p2"})), "p2");
  EXPECT_EQ(*PrincipalSeenBy(*server, Issue("olga", {"URI:holdfast://operator/olga"})), "olga");
  EXPECT_EQ(ReasonOf(PrincipalSeenBy(*server, Issue("alice")).status()), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(PrincipalSeenBy(*server, Issue("eve", {"URI:https://node/p2"})).status()),
            "PERMISSION_DENIED");
}

TEST_F(TlsTest, ACertificateMaySpeakForSeveralNodesOrForAll) {
  PeerIdentity identity;
  for (const char* name : {"DNS:x", "holdfast://node/p1", "holdfast://node/p2", "holdfast://node/"})
    identity.AddName(name);
  EXPECT_TRUE(identity.IsNode("p1") && identity.IsNode("p2"));
  EXPECT_FALSE(identity.IsNode("p3") || identity.IsNode("") || identity.is_operator);
  identity.AddName("holdfast://node/*");
  EXPECT_TRUE(identity.IsNode("p3"));
  EXPECT_EQ(identity.principal, "DNS:x");
}

TEST(PeerIdentityTest, OnlyANodesOwnCertificateSpeaksForIt) {
  PeerIdentity identity;
  EXPECT_TRUE(identity.MaySpeakFor("p1")) << "without TLS everybody does";
  identity.AddName("holdfast://operator/ann");
  EXPECT_FALSE(identity.MaySpeakFor("p1")) << "an operator never acknowledges for a voter";
  identity.AddName("holdfast://node/p1");
  EXPECT_TRUE(identity.MaySpeakFor("p1"));
  EXPECT_FALSE(identity.MaySpeakFor("p2"));
}

TEST_F(TlsTest, ANodesOwnCertificateMustNameIt) {
  EXPECT_TRUE(CheckNodeCertificate({}, "p1").ok());
  EXPECT_TRUE(
      CheckNodeCertificate(Issue("p1", {"URI:holdfast://node/p0", "URI:holdfast://node/p1"}), "p1").ok());
  EXPECT_TRUE(CheckNodeCertificate(Issue("all", {"URI:holdfast://node/*"}), "p1").ok());
  for (const std::vector<std::string>& names : std::vector<std::vector<std::string>>{
           {}, {"URI:holdfast://node/p2"}, {"URI:holdfast://operator/p1"}}) {
    EXPECT_EQ(ReasonOf(CheckNodeCertificate(Issue("x", names), "p1")), "IO_ERROR");
  }
}

TEST_F(TlsTest, AnExpiredCertificateIsRefusedWithItsDate) {
  const TestAuthority::Files files =
      authority_.Issue("old", {"IP:127.0.0.1"}, TestAuthority::Validity::kOver);
  const absl::Status status = MakeChannelCredentials({files.ca, files.cert, files.key}).status();
  EXPECT_EQ(DetailOf(status, "path"), files.cert);
  EXPECT_NE(status.message().find("expired on"), absl::string_view::npos) << status;
}

TEST_F(TlsTest, SaysWhyThereIsNoConnection) {
  const auto why = [](const std::string& address, const TlsFiles& files) {
    const auto channel = *(*ChannelCache::Create(files, ChannelUse::kClient))->Get(address);
    EXPECT_EQ(WaitForConnection(*channel, absl::Seconds(20)), Connection::kFailed);
    return WhyNotConnected(channel, files.enabled());
  };
  const auto server = Listen(Admit::kAnyCertificate);
  const TlsFiles good = Issue("alice");
  TestAuthority other(directory_.path(), "theirs");
  const TestAuthority::Files theirs = other.Issue("mallory", {});
  EXPECT_EQ(why(server->address(), {}),
            "it closed the connection during set-up; if it demands TLS, give ca, cert and key");
  EXPECT_EQ(why(server->address(), {theirs.ca, good.cert, good.key}),
            "its certificate is not of our CA, or has expired");
  EXPECT_EQ(
      why(server->address(), {good.ca, theirs.cert, theirs.key}),
      "it closed the connection during set-up; it may not accept our certificate (another CA, expired)");
  ServerOptions options;
  options.address = "127.0.0.1:0";
  auto plain = Server::Start(options, {&service_});
  EXPECT_EQ(why((*plain)->address(), good), "it does not speak TLS; leave out ca, cert and key");
  options.tls = Issue("server-2", {"DNS:elsewhere.example"});
  auto elsewhere = Server::Start(options, {&service_});
  EXPECT_EQ(why((*elsewhere)->address(), good), "its certificate does not name this address");
  const std::string gone = (*plain)->address();
  (*plain)->Shutdown(absl::ZeroDuration());
  EXPECT_EQ(why(gone, good), "nobody listens there");
}

TEST_F(TlsTest, AMissingOrWrongFileIsNamed) {
  TlsFiles files = Issue("alice");
  files.key.clear();
  EXPECT_EQ(DetailOf(MakeChannelCredentials(files).status(), "field"), "key");
  files.key = directory_ / "nowhere.key";
  EXPECT_EQ(DetailOf(MakeServerCredentials(files, Admit::kAnyCertificate).status(), "path"), files.key);
  std::ofstream(files.key) << "no key at all";
  EXPECT_EQ(ReasonOf(MakeChannelCredentials(files).status()), "IO_ERROR");
}

TEST_F(TlsTest, AKeyThatDoesNotBelongToTheCertificateIsRefusedAtTheStart) {
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.tls = Issue("one");
  options.tls.key = Issue("two").key;
  EXPECT_EQ(ReasonOf(Server::Start(options, {&service_}).status()), "IO_ERROR");
}

}  // namespace
}  // namespace holdfast::rpc
