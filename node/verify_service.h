#pragma once

#include <grpcpp/support/server_callback.h>

#include "base/executor.h"
#include "holdfast/v1/admin.pb.h"
#include "storage/store.h"

namespace holdfast::node {

// Runs a verification on `pool` and streams its progress, then its result; ends early when the caller goes
// away. The reactor owns itself. `store` and `pool` must outlive the call.
grpc::ServerWriteReactor<v1::VerifyResponse>* StartVerify(storage::Store* store, WorkerPool* pool,
                                                          const v1::VerifyRequest& request);

}  // namespace holdfast::node
