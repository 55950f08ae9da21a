// Whoever comes to a cluster with TLS in the wrong way hears what is wrong, and so does whoever starts a node
// of it.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "client/connect.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "rpc/credentials.h"
#include "tests/process/playground.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

class TlsRefusalTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(playground_.ok()) << playground_.error(); }

  rpc::TlsFiles Issue(TestAuthority& authority, const std::string& name,
                      const std::vector<std::string>& names = {},
                      TestAuthority::Validity validity = TestAuthority::Validity::kNow) {
    const TestAuthority::Files files = authority.Issue(name, names, validity);
    return {files.ca, files.cert, files.key};
  }

  // `holdfast` with these files instead of the operator's.
  CommandResult Holdfast(const rpc::TlsFiles& tls, std::vector<std::string> arguments) {
    std::vector<std::string> command = {Program("holdfast"), "--endpoints", playground_.endpoints(),
                                        "--deadline", "3s"};
    if (tls.enabled()) {
      command.insert(command.end(), {"--ca", tls.ca, "--cert", tls.cert, "--key", tls.key});
    }
    command.insert(command.end(), arguments.begin(), arguments.end());
    return testing::Run(command);
  }

  // Starts a proxy with these files; it must end by itself.
  CommandResult StartProxy(const rpc::TlsFiles& tls) {
    const std::string path = playground_.WriteNodeFile({.name = "late",
                                                        .node_id = "late",
                                                        .site = "dc2",
                                                        .seeds = {playground_.primary().peer_address},
                                                        .tls = tls});
    return testing::Run({Program("holdfast-proxy"), "--config", path});
  }

  Playground playground_{Playground::Options{.proxies = 1, .tls = true}};
};

TEST_F(TlsRefusalTest, ClientsHearWhatIsWrongWithTheirConnection) {
  TestAuthority stranger(playground_.directory(), "stranger");
  const rpc::TlsFiles theirs = Issue(stranger, "mallory");
  const rpc::TlsFiles good = playground_.client_tls();
  const auto get = [this](const rpc::TlsFiles& tls) { return Holdfast(tls, {"get", "no-such-key"}); };
  EXPECT_EQ(get(good).exit_status, 1) << get(good).err;

  CommandResult refused = get({});
  EXPECT_EQ(refused.exit_status, 3);
  EXPECT_TRUE(absl::StrContains(refused.err, "if it demands TLS, give ca, cert and key")) << refused.err;
  refused = get({theirs.ca, good.cert, good.key});
  EXPECT_EQ(refused.exit_status, 3);
  EXPECT_TRUE(absl::StrContains(refused.err, "its certificate is not of our CA, or has expired"))
      << refused.err;
  refused = get({good.ca, theirs.cert, theirs.key});
  EXPECT_EQ(refused.exit_status, 3);
  EXPECT_TRUE(absl::StrContains(refused.err, "it may not accept our certificate")) << refused.err;

  const rpc::TlsFiles expired = Issue(playground_.authority(), "alice", {}, TestAuthority::Validity::kOver);
  refused = get(expired);
  EXPECT_EQ(refused.exit_status, 7);
  EXPECT_TRUE(absl::StrContains(refused.err, "expired on")) << refused.err;
  refused = get({good.ca, good.cert, ""});
  EXPECT_NE(refused.exit_status, 0);
  EXPECT_TRUE(absl::StrContains(refused.err, "key")) << refused.err;
}

TEST_F(TlsRefusalTest, ThePeerListenerWantsANodesOrAnOperatorsCertificate) {
  const CommandResult status = Holdfast(playground_.client_tls(), {"status"});
  EXPECT_EQ(status.exit_status, 3);
  EXPECT_TRUE(
      absl::StrContains(absl::StrCat(status.out, status.err), "is neither a node's nor an operator's"))
      << status.out << status.err;
  EXPECT_EQ(Holdfast(playground_.operator_tls(), {"status"}).exit_status, 0);

  grpc::SslCredentialsOptions no_certificate;
  no_certificate.pem_root_certs = ReadWhole(playground_.client_tls().ca);
  const auto stub = v1::AdminService::NewStub(
      grpc::CreateChannel(playground_.primary().peer_address, grpc::SslCredentials(no_certificate)));
  grpc::ClientContext context;
  v1::StatusResponse response;
  EXPECT_EQ(stub->Status(&context, v1::StatusRequest(), &response).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST_F(TlsRefusalTest, ANodeWithTheWrongCertificateSaysSoInsteadOfStarting) {
  CommandResult start =
      StartProxy(Issue(playground_.authority(), "late", {"IP:127.0.0.1", "URI:holdfast://node/late"},
                       TestAuthority::Validity::kOver));
  EXPECT_EQ(start.exit_status, 1);
  EXPECT_TRUE(absl::StrContains(start.err, "expired on")) << start.err;
  start = StartProxy(Issue(playground_.authority(), "other", {"IP:127.0.0.1", "URI:holdfast://node/other"}));
  EXPECT_EQ(start.exit_status, 1);
  EXPECT_TRUE(absl::StrContains(start.err,
                                "speaks for node other; node late needs one with the URI name "
                                "holdfast://node/late"))
      << start.err;
  start = StartProxy(Issue(playground_.authority(), "olga", {"URI:holdfast://operator/olga"}));
  EXPECT_EQ(start.exit_status, 1);
  EXPECT_TRUE(absl::StrContains(start.err, "speaks for no node")) << start.err;
}

TEST(TlsPlaygroundTest, UpSaysWhichCertificateItNeeds) {
  const TemporaryDirectory directory;
  TestAuthority authority(directory.path(), "ours");
  const TestAuthority::Files files = authority.Issue("one", {"IP:127.0.0.1", "URI:holdfast://node/one"});
  const CommandResult up =
      testing::Run({Program("holdfast"), "up", "--dir", directory / "cluster", "--detach", "--empty", "--ca",
                    files.ca, "--cert", files.cert, "--key", files.key});
  EXPECT_EQ(up.exit_status, 7);
  EXPECT_TRUE(absl::StrContains(up.err, "speaks for node one; node dc1-a needs")) << up.err;
}

}  // namespace
}  // namespace holdfast::testing
