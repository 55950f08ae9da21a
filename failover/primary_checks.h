#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "holdfast/v1/operation.pb.h"

// Who acts as primary. Pure.
namespace holdfast::failover {

// The nodes that were met, from anywhere, acting as primary of whatever epoch, each once.
struct PrimarySeen {
  std::string node_id;
  uint64_t epoch = 0;             // the highest one that it was met in
  std::vector<std::string> from;  // vantage points, in order
};
std::vector<PrimarySeen> PrimariesSeen(const v1::ClusterView& view);

}  // namespace holdfast::failover
