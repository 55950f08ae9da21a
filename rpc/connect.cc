#include "rpc/connect.h"

#include <grpc/support/time.h>

#include <algorithm>

#include "base/status_macros.h"
#include "rpc/unreachable.h"

namespace holdfast::rpc {

Connection WaitForConnection(grpc::Channel& channel, absl::Duration timeout) {
  const gpr_timespec deadline = gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(absl::ToInt64Nanoseconds(timeout), GPR_TIMESPAN));
  while (true) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return Connection::kReady;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return Connection::kFailed;
    if (!channel.WaitForStateChange(state, deadline)) return Connection::kNotYet;
  }
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ConnectedChannel(
    ChannelCache& channels, const std::string& address, absl::Duration timeout,
    absl::Status (*error)(absl::string_view address, absl::string_view why)) {
  for (bool is_first = true;; is_first = false) {
    HF_ASSIGN_OR_RETURN(auto channel, channels.Get(address));
    switch (WaitForConnection(*channel, std::min(timeout, kMaxConnectWait))) {
      case Connection::kReady:
        return channel;
      case Connection::kNotYet:  // kept: on a busy machine the attempt may need more than one wait
        return error(address, "it does not take the connection");
      case Connection::kFailed:
        channels.Drop(address);
        if (!is_first) return error(address, WhyNotConnected(channel, channels.tls()));
    }
  }
}

}  // namespace holdfast::rpc
