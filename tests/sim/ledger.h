#pragma once

#include <string>

#include "absl/status/status.h"
#include "tests/sim/campaign.h"

namespace holdfast::sim {

// Where a campaign's figures are kept, and what they speak of.
struct LedgerEntry {
  std::string path;    // a file of JSON objects, one a line
  std::string commit;  // of the tree
  std::string code;    // a hash over the sources that the campaign tests: figures of equal code add up
  uint64_t first_seed = 1;
};

// Appends one line: the date (UTC), what it speaks of, and the campaign's counts.
absl::Status AppendToLedger(const LedgerEntry& entry, const CampaignResult& result);

// One JSON object a line, written whole or not at all as far as a file system goes.
absl::Status AppendLine(const std::string& path, const std::string& line);

}  // namespace holdfast::sim
