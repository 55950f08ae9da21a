#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "rpc/credentials.h"

namespace holdfast::rpc {

// What a service method needs to know of the call besides its request. A plain value.
struct CallContext {
  PeerIdentity peer;                                    // empty without TLS
  std::string peer_address;                             // "ipv4:10.0.0.7:51234"
  absl::Duration remaining = absl::InfiniteDuration();  // until the caller's deadline; never negative
};

// Any thread that holds the call's context. `clock` is read once.
CallContext ContextOf(const grpc::ServerContextBase& context, Clock& clock);

// Only the certificate's principal, for commits; cheaper than ContextOf.
std::string PrincipalOf(const grpc::ServerContextBase& context);

// Only the time left.
absl::Duration RemainingOf(const grpc::ServerContextBase& context, Clock& clock);

// Of `remaining`, what a call that changes something may take: its caller is to hear what became of it
// instead of running into its own deadline. Left over are a tenth, at least 200 ms and at most 1 s, but never
// more than half.
absl::Duration TimeToDecide(absl::Duration remaining);

}  // namespace holdfast::rpc
