#include "tests/drill/read_judge.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/revision.h"

namespace holdfast::drill {
namespace {

std::string Show(int64_t revision) { return Revision(revision).ToString(); }

// Empty if the answer is right.
std::string FaultOf(const Observation& seen, int64_t shown_before, const History& history) {
  if (seen.revision < shown_before)
    return absl::StrCat("went back from ", Show(shown_before), " to ", Show(seen.revision));
  if (seen.modified > seen.revision)
    return absl::StrCat("was shown ", Show(seen.modified), " at revision ", Show(seen.revision));
  if (!seen.write) return "was shown a value that nobody wrote";
  const std::optional<Version> due = history.At(seen.key, seen.revision);
  if (!due) return "was shown a key that did not exist";
  if (*due == Version{seen.modified, *seen.write}) return {};
  if (history.WriteAt(seen.key, seen.modified) != *seen.write)
    return absl::StrCat("was shown write ", *seen.write, " of ", Show(seen.modified),
                        ", which is not in the history");
  return absl::StrCat("was shown write ", *seen.write, " of ", Show(seen.modified), " at revision ",
                      Show(seen.revision), ", where write ", due->write, " of ", Show(due->revision),
                      " had replaced it");
}

}  // namespace

ReadVerdict JudgeReads(const std::string& reader, const std::vector<Observation>& observations,
                       const History& history) {
  ReadVerdict verdict;
  int64_t shown = 0;
  for (const Observation& seen : observations) {
    ++verdict.reads;
    const std::string fault = FaultOf(seen, shown, history);
    shown = std::max(shown, seen.revision);
    if (fault.empty()) continue;
    ++verdict.wrong;
    verdict.findings.Add(absl::StrCat("reader at '", reader, "', key ", seen.key, ": ", fault));
  }
  return verdict;
}

}  // namespace holdfast::drill
