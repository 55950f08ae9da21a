#pragma once

#include <optional>

#include "base/position.h"
#include "holdfast/v1/record.pb.h"

namespace holdfast::storage {

// A milestone of the log that is never compacted: each EPOCH record and each record that carries a rule.
struct Milestone {
  Position position;
  v1::RecordKind kind;
  std::optional<v1::EpochInfo> epoch;
  std::optional<v1::DurabilityRule> rule;
};

}  // namespace holdfast::storage
