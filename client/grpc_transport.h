#pragma once

#include <memory>

#include "client/transport.h"
#include "rpc/channel.h"

namespace holdfast::client {

// The production transport: ConfigService over gRPC. Knows exactly whether a request never left, because it
// asks for a connection first. Any thread.
std::unique_ptr<Transport> MakeGrpcTransport(std::unique_ptr<rpc::ChannelCache> channels);

}  // namespace holdfast::client
