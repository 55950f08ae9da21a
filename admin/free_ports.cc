#include "admin/free_ports.h"

#include <algorithm>

#include "admin/errors.h"
#include "rpc/address.h"

namespace holdfast::admin {
namespace {

constexpr int kFirstPort = 17400;
constexpr int kLastPort = 32700;
constexpr int kMaxTries = 10'000;

}  // namespace

absl::StatusOr<std::vector<int>> FindFreePorts(size_t count, Random& random) {
  std::vector<int> ports;
  for (int i = 0; i < kMaxTries && ports.size() < count; ++i) {
    const int port = kFirstPort + static_cast<int>(random.Below(kLastPort - kFirstPort + 1));
    if (std::find(ports.begin(), ports.end(), port) != ports.end()) continue;
    if (rpc::ProbeListen({"127.0.0.1", static_cast<uint16_t>(port)}).ok()) ports.push_back(port);
  }
  if (ports.size() < count) return FileError("find", "free loopback ports", "too many are taken");
  return ports;
}

}  // namespace holdfast::admin
