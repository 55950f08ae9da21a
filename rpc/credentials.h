#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rpc/address.h"
#include "rpc/peer_identity.h"
#include "rpc/tls_files.h"

// Mutual TLS for every listener and every channel, in one place. Any thread.
//
// Who a certificate speaks for is written in it (peer_identity.h); the peer listener admits nodes and
// operators only.
namespace holdfast::rpc {

// Whom a listener admits when TLS is on; every certificate must come from the cluster's CA.
enum class Admit {
  kAnyCertificate,    // the client listener
  kNodesAndOperators  // the peer listener
};

// Errors: INVALID_REQUEST if one of the three files is missing, IO_ERROR if one cannot be read or is not PEM,
// or if the certificate has expired or does not belong to the key.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files,
                                                                               Admit admit);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files);

// OK if `address` is loopback, TLS is on, or `insecure` was said; else PERMISSION_DENIED.
absl::Status CheckListenPolicy(const Address& address, const TlsFiles& files, bool insecure);

// What the other side's certificate says.
PeerIdentity IdentityOf(const grpc::AuthContext& auth);

}  // namespace holdfast::rpc
