#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::rpc {

// A `host:port`, host being a name, an IPv4 address or an IPv6 address in brackets. A plain value.
struct Address {
  std::string host;  // without brackets
  uint16_t port = 0;

  std::string ToString() const;
  // True for 127.0.0.0/8, ::1 and "localhost": nobody beyond this machine reaches it.
  bool IsLoopback() const;
};

// INVALID_REQUEST unless `text` is an address.
absl::StatusOr<Address> ParseAddress(absl::string_view text);

// OK if a socket can be bound and listened on there now; else PortInUseError or CannotListenError with the
// operating system's words. gRPC itself says only "failed".
absl::Status ProbeListen(const Address& address);

}  // namespace holdfast::rpc
