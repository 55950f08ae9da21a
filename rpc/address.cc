#include "rpc/address.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "rpc/errors.h"

namespace holdfast::rpc {

std::string Address::ToString() const {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

bool Address::IsLoopback() const {
  return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
}

absl::StatusOr<Address> ParseAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return BadAddressError(text);
  absl::string_view host = text.substr(0, colon);
  uint32_t port = 0;
  const absl::string_view digits = text.substr(colon + 1);
  if (digits.empty() || digits.size() > 5 || !absl::SimpleAtoi(digits, &port) || port > 65535)
    return BadAddressError(text);
  if (host.front() == '[') {
    if (host.size() < 4 || host.back() != ']') return BadAddressError(text);
    host = host.substr(1, host.size() - 2);
  } else if (absl::StrContains(host, ':')) {
    return BadAddressError(text);  // an IPv6 address without brackets is ambiguous
  }
  for (const char c : host) {
    if (c <= ' ' || c == '/' || c == '[' || c == ']' || c == 0x7f) return BadAddressError(text);
  }
  return Address{std::string(host), static_cast<uint16_t>(port)};
}

absl::Status ProbeListen(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(address.port);
  if (const int error = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found); error != 0) {
    return CannotListenError(address.ToString(), gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return CannotListenError(address.ToString(), strerror(errno));
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));  // as gRPC does: a port in TIME_WAIT is free
  const bool bound = bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
  const int error = errno;
  close(fd);
  if (bound) return absl::OkStatus();
  if (error == EADDRINUSE) return PortInUseError(address.ToString());
  return CannotListenError(address.ToString(), strerror(error));
}

}  // namespace holdfast::rpc
