#include "rpc/credentials.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_metadata_processor.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "rpc/certificate.h"
#include "rpc/errors.h"

namespace holdfast::rpc {
namespace {

struct Pem {
  std::string ca;
  std::string cert;
  std::string key;
};

absl::StatusOr<std::string> ReadPem(absl::string_view field, const std::string& path,
                                    absl::string_view begin) {
  if (path.empty()) return IncompleteTlsError(field);
  std::ifstream file(path, std::ios::binary);
  if (!file) return BadTlsFileError(field, path, strerror(errno));
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (!absl::StrContains(bytes.str(), begin)) {
    return BadTlsFileError(field, path, absl::StrCat("holds no PEM block \"", begin, "\""));
  }
  return bytes.str();
}

absl::StatusOr<Pem> ReadAll(const TlsFiles& files) {
  Pem pem;
  HF_ASSIGN_OR_RETURN(pem.ca, ReadPem("ca", files.ca, "BEGIN CERTIFICATE"));
  HF_ASSIGN_OR_RETURN(pem.cert, ReadPem("cert", files.cert, "BEGIN CERTIFICATE"));
  HF_ASSIGN_OR_RETURN(pem.key, ReadPem("key", files.key, "PRIVATE KEY"));
  HF_RETURN_IF_ERROR(CheckCertificate(files.cert, pem.cert, files.key, pem.key, RealClock()->Now()));
  return pem;
}

// Runs for each call on a TLS listener, before the method. Looks at the connection only, so it never waits.
class PeerGuard : public grpc::AuthMetadataProcessor {
 public:
  bool IsBlocking() const override { return false; }

  grpc::Status Process(const InputMetadata&, grpc::AuthContext* context, OutputMetadata*,
                       OutputMetadata*) override {
    const PeerIdentity peer = IdentityOf(*context);
    if (peer.IsNode() || peer.is_operator) return grpc::Status::OK;
    return grpc::Status(
        grpc::StatusCode::PERMISSION_DENIED,
        absl::StrCat(
            "the certificate of \"", peer.principal,
            "\" is neither a node's nor an operator's: it needs a URI name holdfast://node/<node_id> "
            "or holdfast://operator/<name>"));
  }
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files,
                                                                               Admit admit) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  HF_ASSIGN_OR_RETURN(Pem pem, ReadAll(files));
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(pem.ca);
  options.pem_key_cert_pairs.push_back({std::move(pem.key), std::move(pem.cert)});
  auto credentials = grpc::SslServerCredentials(options);
  if (admit == Admit::kNodesAndOperators)
    credentials->SetAuthMetadataProcessor(std::make_shared<PeerGuard>());
  return credentials;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  HF_ASSIGN_OR_RETURN(Pem pem, ReadAll(files));
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = std::move(pem.ca);
  options.pem_cert_chain = std::move(pem.cert);
  options.pem_private_key = std::move(pem.key);
  return grpc::SslCredentials(options);
}

absl::Status CheckListenPolicy(const Address& address, const TlsFiles& files, bool insecure) {
  if (files.enabled() || insecure || address.IsLoopback()) return absl::OkStatus();
  return InsecureListenError(address.ToString());
}

PeerIdentity IdentityOf(const grpc::AuthContext& auth) {
  PeerIdentity peer;
  if (!auth.IsPeerAuthenticated()) return peer;
  const auto names = auth.FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  if (!names.empty()) peer.principal.assign(names[0].data(), names[0].size());
  for (const grpc::string_ref& value : auth.FindPropertyValues(GRPC_X509_SAN_PROPERTY_NAME)) {
    peer.AddName(absl::string_view(value.data(), value.size()));
  }
  return peer;
}

}  // namespace holdfast::rpc
