#include "rpc/connect.h"

#include <grpc/support/time.h>

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

}  // namespace holdfast::rpc
