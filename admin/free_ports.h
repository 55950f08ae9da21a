#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "base/random.h"

namespace holdfast::admin {

// Keeps loopback ports from everybody else who looks for free ones with FindFreePorts, until it goes: from
// the choice of a port until something listens there it is anyone's. A held port is a name in the abstract
// name space of Unix sockets, so the system releases it however the process ends and no file is left. One
// thread.
class PortHolds {
 public:
  PortHolds() = default;
  ~PortHolds();
  PortHolds(const PortHolds&) = delete;
  PortHolds& operator=(const PortHolds&) = delete;

  // False if somebody holds it, this object included.
  bool Hold(int port);

 private:
  std::vector<int> sockets_;
};

// `count` loopback ports that nobody listens at or holds, none twice, chosen at random below those that
// outgoing connections take (32768 on): a cluster that is started again finds them free. They are in `holds`
// from here on. IO_ERROR if there are not so many.
absl::StatusOr<std::vector<int>> FindFreePorts(size_t count, Random& random, PortHolds& holds);

}  // namespace holdfast::admin
