#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rpc/channel.h"

namespace holdfast::rpc {

// A node that does not take the connection within this time is left for another, if there is one.
inline constexpr absl::Duration kMaxConnectWait = absl::Seconds(2);

// How far a channel has come.
enum class Connection {
  kReady,   // a request sent now leaves
  kFailed,  // the attempt has failed; the channel backs off
  kNotYet   // the attempt is under way: it goes on by itself, and the next wait may find it done
};

// Waits until the channel is connected, but no longer than `timeout`, nor past the first failed attempt.
// Unless kReady, nothing of the caller's has left. Any thread that may wait.
Connection WaitForConnection(grpc::Channel& channel, absl::Duration timeout);

// The channel to `address`, connected within `timeout` and kMaxConnectWait. If it cannot be had, what `error`
// makes of the address and of why: nothing of the caller's has left. A channel whose attempt has failed is
// dropped from the cache, so that the next attempt begins anew, without this one's back-off. One that has
// failed is tried once more at once: gRPC 1.51 takes one in some hundred for failed that is under way
// ("No such file or directory", of a TCP socket), when a process connects to many nodes on a busy machine.
// INVALID_REQUEST as ChannelCache::Get. Any thread that may wait.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectedChannel(
    ChannelCache& channels, const std::string& address, absl::Duration timeout,
    absl::Status (*error)(absl::string_view address, absl::string_view why));

}  // namespace holdfast::rpc
