#include "rpc/credentials.h"

#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/channel.h"
#include "rpc/server.h"
#include "tests/rpc/fake_config_service.h"
#include "tests/rpc/test_certificates.h"

namespace holdfast::rpc {
namespace {

using ::holdfast::testing::TestAuthority;

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : directory_(MakeDirectory()), authority_(directory_, "ours") {}

  static std::string MakeDirectory() {
    std::string path = ::testing::TempDir() + "/holdfast-tls-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
  }

  TlsFiles Issue(const std::string& name, std::vector<std::string> names = {"IP:127.0.0.1"}) {
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

  const std::string directory_;
  TestAuthority authority_;
  PrincipalService service_;
};

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
  TestAuthority other(directory_, "theirs");
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

TEST_F(TlsTest, AMissingOrWrongFileIsNamed) {
  TlsFiles files = Issue("alice");
  files.key.clear();
  EXPECT_EQ(DetailOf(MakeChannelCredentials(files).status(), "field"), "key");
  files.key = directory_ + "/nowhere.key";
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
