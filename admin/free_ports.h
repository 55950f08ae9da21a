#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "base/random.h"

namespace holdfast::admin {

// `count` loopback ports that nobody listens at, none twice, chosen at random below those that outgoing
// connections take (32768 on): a cluster that is started again finds them free. IO_ERROR if there are not so
// many.
absl::StatusOr<std::vector<int>> FindFreePorts(size_t count, Random& random);

}  // namespace holdfast::admin
