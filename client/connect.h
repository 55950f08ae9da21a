#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/options.h"
#include "rpc/tls_files.h"

namespace holdfast::client {

// A client over gRPC, with TLS if `tls` names files. Connects when first used. Errors: INVALID_REQUEST
// (endpoints, TLS files incomplete), IO_ERROR (TLS files).
absl::StatusOr<std::unique_ptr<Client>> Connect(Options options, const rpc::TlsFiles& tls = {});

}  // namespace holdfast::client
