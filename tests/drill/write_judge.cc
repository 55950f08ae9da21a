#include "tests/drill/write_judge.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/revision.h"

namespace holdfast::drill {
namespace {

std::string Show(int64_t revision) { return Revision(revision).ToString(); }

void JudgeAcknowledged(const Write& write, const History& history, WriteVerdict* verdict) {
  ++verdict->acknowledged;
  const int64_t revision = write.acknowledged->revision;
  for (const int key : write.keys) {
    if (history.WriteAt(key, revision) == write.number) continue;
    ++verdict->lost;
    verdict->findings.Add(absl::StrCat("commit ", write.number, " was acknowledged by '",
                                       write.acknowledged->node_id, "' as ", Show(revision), ", and key ",
                                       key, " does not have it there"));
    return;
  }
}

// All or nothing of it is there, and once.
void JudgePlaces(const Write& write, const History& history, WriteVerdict* verdict) {
  std::set<int64_t> revisions;
  size_t places = 0;
  for (const int key : write.keys) {
    for (const int64_t revision : history.RevisionsOf(key, write.number)) {
      revisions.insert(revision);
      ++places;
    }
  }
  if (!write.acknowledged) {
    ++verdict->unknown;
    verdict->kept += !revisions.empty();
  }
  if (revisions.size() > 1) {
    ++verdict->twice;
    verdict->findings.Add(absl::StrCat("commit ", write.number, " is there ", revisions.size(),
                                       " times, first as ", Show(*revisions.begin())));
  }
  if (places != revisions.size() * write.keys.size()) {
    ++verdict->torn;
    verdict->findings.Add(absl::StrCat("commit ", write.number, " is there with some of its keys only"));
  }
}

}  // namespace

WriteVerdict JudgeWrites(const std::vector<Write>& writes, const History& history) {
  WriteVerdict verdict;
  for (const Write& write : writes) {
    if (write.acknowledged) JudgeAcknowledged(write, history, &verdict);
    JudgePlaces(write, history, &verdict);
  }
  for (const Change& change : history.Between(0, std::numeric_limits<int64_t>::max())) {
    const bool known = change.write >= 0 && change.write < static_cast<int64_t>(writes.size());
    if (known) {
      const std::vector<int>& keys = writes[static_cast<size_t>(change.write)].keys;
      if (std::binary_search(keys.begin(), keys.end(), change.key)) continue;
    }
    ++verdict.invented;
    verdict.findings.Add(
        absl::StrCat("key ", change.key, " has at ", Show(change.revision), " what nobody wrote"));
  }
  return verdict;
}

int64_t CountDisagreements(const History& history, int key_count, const std::vector<Change>& listing) {
  int64_t agreeing = 0;
  int64_t wrong = 0;
  for (const Change& row : listing) {
    const bool good = history.At(row.key, history.last_revision()) == Version{row.revision, row.write};
    good ? ++agreeing : ++wrong;
  }
  return wrong + std::max<int64_t>(0, key_count - agreeing - wrong);
}

}  // namespace holdfast::drill
