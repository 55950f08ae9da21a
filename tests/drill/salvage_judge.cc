#include "tests/drill/salvage_judge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::drill {

SalvageVerdict JudgeSalvage(const std::vector<Write>& writes, const History& history,
                            const std::set<int64_t>& salvaged) {
  SalvageVerdict verdict;
  for (const Write& write : writes) {
    if (write.acknowledged || write.said_in_log.empty()) continue;
    const bool is_kept = std::any_of(write.keys.begin(), write.keys.end(), [&](int key) {
      return !history.RevisionsOf(key, write.number).empty();
    });
    if (is_kept) continue;
    ++verdict.orphans;
    if (salvaged.contains(write.number)) continue;
    ++verdict.missing;
    verdict.findings.Add(absl::StrCat("commit ", write.number, " was in a log as ", write.said_in_log,
                                      ", and is neither in the history nor in a salvage file"));
  }
  return verdict;
}

}  // namespace holdfast::drill
