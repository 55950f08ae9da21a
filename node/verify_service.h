#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>

#include "base/executor.h"
#include "holdfast/v1/admin.pb.h"
#include "storage/store.h"

namespace holdfast::node {

// Runs a verification on `pool` and streams its progress, then its result; ends early when the caller goes
// away. A deep one ends with node.db, for which it goes to the strand, and is told there to `on_whole`. The
// reactor owns itself. All arguments must outlive the call.
grpc::ServerWriteReactor<v1::VerifyResponse>* StartVerify(
    storage::Store* store, WorkerPool* pool, Executor* strand,
    std::function<void(const v1::VerifyResult&)> on_whole, const v1::VerifyRequest& request);

}  // namespace holdfast::node
