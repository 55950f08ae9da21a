#pragma once

#include <memory>

#include "base/executor.h"
#include "replication/transport.h"
#include "rpc/channel.h"

namespace holdfast::replication {

// Peers over gRPC's callback API. All Start... calls are made on the strand, so a call's state needs no lock:
// gRPC's threads only hand their reactions over. A message is read when the one before it has been dealt
// with, which holds a fast sender back.
//
// `channels` and `strand` must outlive the transport and every stream that it made. Streams must be dropped
// (on the strand) before the strand ends. The destructor cancels what is left and waits for gRPC's last
// reaction: not on the strand.
std::unique_ptr<PeerTransport> MakeGrpcTransport(rpc::ChannelCache* channels, Executor* strand);

}  // namespace holdfast::replication
