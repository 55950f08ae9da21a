#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/drill/history.h"

namespace holdfast::drill {

// Everything that was ever committed to the drill's keys, and what they are now, by the word of one node.
struct ToldHistory {
  History history;
  std::vector<Change> listing;
};

// Asks `address`: the keys as they were at `base`, each commit since, and the keys now. Nobody may write
// meanwhile. Errors: those of Client::ListAll and Client::HistoryAll.
absl::StatusOr<ToldHistory> ReadHistory(const std::string& address, int64_t base);

}  // namespace holdfast::drill
