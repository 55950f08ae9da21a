#pragma once

#include <grpcpp/channel.h>

#include "absl/time/time.h"

namespace holdfast::rpc {

// A node that does not take the connection within this time is taken for unreachable.
inline constexpr absl::Duration kMaxConnectWait = absl::Seconds(2);

// Waits until the channel is connected, but no longer than `timeout`, nor past the first failed attempt.
// True: a request sent now leaves. False: none has left. Any thread that may wait.
bool WaitForConnection(grpc::Channel& channel, absl::Duration timeout);

}  // namespace holdfast::rpc
