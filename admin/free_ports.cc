#include "admin/free_ports.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "rpc/address.h"

namespace holdfast::admin {
namespace {

constexpr int kFirstPort = 17400;
constexpr int kLastPort = 32700;
constexpr int kMaxTries = 10'000;

}  // namespace

PortHolds::~PortHolds() {
  for (const int held : sockets_) close(held);
}

bool PortHolds::Hold(int port) {
  const int held = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (held < 0) return false;
  const std::string name = absl::StrCat("holdfast-port-", port);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());  // after a zero: no file
  const socklen_t size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (bind(held, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    close(held);
    return false;
  }
  sockets_.push_back(held);
  return true;
}

absl::StatusOr<std::vector<int>> FindFreePorts(size_t count, Random& random, PortHolds& holds) {
  std::vector<int> ports;
  for (int i = 0; i < kMaxTries && ports.size() < count; ++i) {
    const int port = kFirstPort + static_cast<int>(random.Below(kLastPort - kFirstPort + 1));
    // Held first: to probe is to listen for a moment, where another's program may be starting.
    if (!holds.Hold(port)) continue;
    if (rpc::ProbeListen({"127.0.0.1", static_cast<uint16_t>(port)}).ok()) ports.push_back(port);
  }
  if (ports.size() < count) return FileError("find", "free loopback ports", "too many are taken");
  return ports;
}

}  // namespace holdfast::admin
