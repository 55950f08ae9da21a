#include "rpc/call_context.h"

#include <algorithm>
#include <chrono>

namespace holdfast::rpc {

CallContext ContextOf(const grpc::ServerContextBase& context, Clock& clock) {
  return CallContext{IdentityOf(*context.auth_context()), context.peer(), RemainingOf(context, clock)};
}

std::string PrincipalOf(const grpc::ServerContextBase& context) {
  return IdentityOf(*context.auth_context()).principal;
}

absl::Duration RemainingOf(const grpc::ServerContextBase& context, Clock& clock) {
  const std::chrono::system_clock::time_point deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) return absl::InfiniteDuration();
  return std::max(absl::ZeroDuration(), absl::FromChrono(deadline) - clock.Now());
}

absl::Duration TimeToDecide(absl::Duration remaining) {
  if (remaining == absl::InfiniteDuration()) return remaining;
  const absl::Duration wanted =
      std::clamp(remaining / 10, absl::Milliseconds(200), absl::Duration(absl::Seconds(1)));
  return remaining - std::min(wanted, remaining / 2);
}

}  // namespace holdfast::rpc
