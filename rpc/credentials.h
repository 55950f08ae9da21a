#pragma once

#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "rpc/address.h"
#include "rpc/tls_files.h"

// Mutual TLS for every listener and every channel, in one place. Any thread.
//
// Who a certificate speaks for is written in it: the common name (or, without one, the first subject
// alternative name) is the *principal*, which commits record. A URI name `holdfast://node/<node_id>` or
// `holdfast://operator/<name>` makes it a node's or an operator's certificate; the peer listener admits
// nobody else.
namespace holdfast::rpc {

// Whom a listener admits when TLS is on; every certificate must come from the cluster's CA.
enum class Admit {
  kAnyCertificate,    // the client listener
  kNodesAndOperators  // the peer listener
};

// What the other side's certificate says. Both empty without TLS.
struct PeerIdentity {
  std::string principal;
  std::string node_id;       // of a node's certificate
  bool is_operator = false;  // of an operator's certificate
};

// Errors: INVALID_REQUEST if one of the three files is missing, IO_ERROR if one cannot be read or is not PEM.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(const TlsFiles& files,
                                                                               Admit admit);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(const TlsFiles& files);

// OK if `address` is loopback, TLS is on, or `insecure` was said; else PERMISSION_DENIED.
absl::Status CheckListenPolicy(const Address& address, const TlsFiles& files, bool insecure);

PeerIdentity IdentityOf(const grpc::AuthContext& auth);

}  // namespace holdfast::rpc
