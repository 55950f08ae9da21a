#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "tests/drill/console.h"

namespace holdfast::drill {

// What a node's salvage files hold.
struct ToldSalvage {
  int64_t record_count = 0;
  std::set<int64_t> writes;  // of the drill, by number
};

// Asks with `holdfast salvage list` and `show`. The error is what the command said.
absl::StatusOr<ToldSalvage> ReadSalvage(const Console& console, const std::string& node_id);

}  // namespace holdfast::drill
