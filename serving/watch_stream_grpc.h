#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "serving/read_admission.h"
#include "serving/watch_hub.h"

namespace holdfast::serving {

// Begins a watch for a raw Watch call: parses the request, waits for its `min_revision` if need be, and opens
// a stream of the hub whose messages go out as slices that all streams share. The reactor lives until gRPC is
// done with it; `hub` and `admission` must outlive the server.
grpc::ServerWriteReactor<grpc::ByteBuffer>* OpenWatchStream(WatchHub& hub, const ReadAdmission& admission,
                                                            const CallLimits& limits,
                                                            const grpc::ByteBuffer& request);

}  // namespace holdfast::serving
