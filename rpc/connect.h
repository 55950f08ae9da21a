#pragma once

#include <grpcpp/channel.h>

#include "absl/time/time.h"

namespace holdfast::rpc {

// A node that does not take the connection within this time is left for another, if there is one.
inline constexpr absl::Duration kMaxConnectWait = absl::Seconds(2);

enum class Connection {
  kReady,   // a request sent now leaves
  kFailed,  // the attempt has failed; the channel backs off
  kNotYet   // the attempt is under way: it goes on by itself, and the next wait may find it done
};

// Waits until the channel is connected, but no longer than `timeout`, nor past the first failed attempt.
// Unless kReady, nothing of the caller's has left. Any thread that may wait.
Connection WaitForConnection(grpc::Channel& channel, absl::Duration timeout);

}  // namespace holdfast::rpc
