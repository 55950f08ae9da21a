// "Unchanged since": has anything in a range changed above a revision?
#include <algorithm>

#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/key_range.h"
#include "storage/lost_revision.h"
#include "storage/store_impl.h"

namespace holdfast::storage {
namespace {

// Who has just read the range has missed little: the log is asked first if it has so few records since.
constexpr uint64_t kFewRecords = 256;
// Then so many rows are read: most ranges have no more.
constexpr int kFewRows = 256;
// Looking at a change in memory costs about as much as a tenth of a row. Beyond so many records the range is
// read instead: nobody can tell which is longer, and a range has an end.
constexpr uint64_t kMaxWalkedRecords = 20'000;
constexpr uint64_t kRecordsPerStep = 256;
constexpr size_t kBytesPerStep = 4 << 20;

// Did this record change a key of the range? A deletion of what was not there changed nothing.
bool Touches(const LogRecord& record, const KeyRange& range) {
  for (int i = 0; i < record.message.changes_size(); ++i) {
    const ChangeEffect& effect = record.effects[static_cast<size_t>(i)];
    if (effect.version == 0 && effect.previous_revision == 0) continue;
    if (range.Contains(record.message.changes(i).key())) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Revision> Store::Impl::RangeChangedAfter(const KeyRange& range, Revision after,
                                                        absl::Span<const LogRecordPtr> uncommitted) {
  // What the caller saw there is gone, and what came back in its place is older than `after` (I5).
  if (const auto shared = SharedWithLost(after, milestones)) return LostRevisionError(after, *shared);
  for (auto record = uncommitted.rbegin(); record != uncommitted.rend(); ++record) {
    const Revision revision = (*record)->position.revision;
    if (revision > after && Touches(**record, range)) return revision;
  }
  HF_ASSIGN_OR_RETURN(const Revision changed, NewestChange(range, after));
  if (changed > after) return changed;
  // A deletion leaves a mark that compaction takes away: below the floor nobody can tell.
  if (after < floor.floor) return CompactedError(after, oldest_record);
  return Revision();
}

absl::StatusOr<Revision> Store::Impl::NewestChange(const KeyRange& range, Revision after) {
  std::optional<Revision> known = WalkBack(range, after, kFewRecords);
  if (known.has_value()) return *known;
  HF_ASSIGN_OR_RETURN(const KeyTable::Changed few, tables->keys.ChangedAt(range, kFewRows));
  if (few.is_whole) return few.at;
  known = WalkBack(range, after, kMaxWalkedRecords);
  if (known.has_value()) return *known;
  HF_ASSIGN_OR_RETURN(const KeyTable::Changed all, tables->keys.ChangedAt(range, KeyTable::kAllRows));
  return all.at;
}

std::optional<Revision> Store::Impl::WalkBack(const KeyRange& range, Revision after, uint64_t max_records) {
  const Revision end = tail.position.revision;
  if (after < floor.floor || end.index() > after.index() + max_records) return std::nullopt;
  for (uint64_t last = end.index(); last > after.index();) {
    const uint64_t step = std::min(kRecordsPerStep, last - after.index());
    const uint64_t first = last - step + 1;
    const auto records = cache.ReadFrom(first, end, static_cast<int>(step), kBytesPerStep);
    if (!records.has_value() || records->size() != step) return std::nullopt;
    for (auto record = records->rbegin(); record != records->rend(); ++record) {
      if (Touches(**record, range)) return (*record)->position.revision;
    }
    last = first - 1;
  }
  return Revision();
}

}  // namespace holdfast::storage
