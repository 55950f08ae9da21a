#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "tests/drill/findings.h"
#include "tests/drill/history.h"
#include "tests/drill/journal.h"

namespace holdfast::drill {

struct SalvageVerdict {
  int64_t orphans = 0;  // in a node's log by its own word, never acknowledged, and in no history
  int64_t missing = 0;  // of these, in no salvage file (I6)
  Findings findings;
};

// Holds what was salvaged (the writes that salvage files hold, by number) against the journal and the truth.
// Pure.
SalvageVerdict JudgeSalvage(const std::vector<Write>& writes, const History& history,
                            const std::set<int64_t>& salvaged);

}  // namespace holdfast::drill
