#pragma once

#include "base/clock.h"
#include "base/random.h"
#include "primary/canary.h"
#include "rpc/tls_files.h"

namespace holdfast::primary {

// Canaries over gRPC. With TLS the node's own certificate is shown, and the listener's must be made out for
// `certified_host`. `clock` and `random` must outlive them.
OpenCanary GrpcCanaries(rpc::TlsFiles tls, std::string certified_host, Clock* clock, Random* random);

}  // namespace holdfast::primary
