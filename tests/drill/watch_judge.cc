#include "tests/drill/watch_judge.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/revision.h"

namespace holdfast::drill {
namespace {

std::string Show(const Change& change) {
  return absl::StrCat("write ", change.write, " of key ", change.key, " at ",
                      Revision(change.revision).ToString());
}

}  // namespace

void WatchLog::Rewound(int64_t common, const std::vector<Change>& restored) {
  ++rewinds_;
  std::erase_if(told_, [common](const Change& change) { return change.revision > common; });
  restored_.insert(restored_.end(), restored.begin(), restored.end());
}

WatchVerdict JudgeWatch(const std::string& watcher, const WatchLog& log, const History& history,
                        int64_t after, int64_t up_to) {
  WatchVerdict verdict;
  const std::vector<Change> due = history.Between(after, up_to);
  const std::set<Change> expected(due.begin(), due.end());
  std::set<Change> seen;
  const auto complain = [&](int64_t* count, const Change& change, const char* what) {
    ++*count;
    verdict.findings.Add(absl::StrCat("watcher at '", watcher, "': ", Show(change), what));
  };
  for (const Change& change : log.told()) {
    if (change.revision > up_to) continue;
    ++verdict.events;
    if (!expected.contains(change)) {
      complain(&verdict.invented, change, " is not in the history");
    } else if (seen.contains(change)) {
      complain(&verdict.repeated, change, " came again");
    } else {
      if (!seen.empty() && change < *seen.rbegin()) complain(&verdict.disordered, change, " came late");
      seen.insert(change);
    }
  }
  for (const Change& change : due) {
    if (!seen.contains(change)) complain(&verdict.missing, change, " never came");
  }
  for (const Change& change : log.restored()) {
    if (history.WriteAt(change.key, change.revision) != change.write)
      complain(&verdict.invented, change, ", restored by a rewind, is not in the history");
  }
  return verdict;
}

}  // namespace holdfast::drill
