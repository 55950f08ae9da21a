#include "serving/watch_read.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/encoded_commit.h"
#include "serving/key_value.h"
#include "serving/watch_composer.h"

namespace holdfast::serving {
namespace {

// Looks up versions before a change, with a lease that is renewed so that checkpoints can go on (DESIGN 7). A
// version that compaction has taken is left out; another failure is kept in `status`.
class PreviousReader {
 public:
  explicit PreviousReader(storage::ReaderPool& readers) : readers_(readers) {}

  std::optional<v1::KeyValue> operator()(absl::string_view key, Revision changed_at) {
    if (!status_.ok()) return std::nullopt;
    if (lease_ == nullptr || ++rows_ >= kMaxRowsPerLease) {
      lease_ = nullptr;
      rows_ = 0;
      auto lease = readers_.Acquire();
      if (!lease.ok()) return Fail(lease.status());
      lease_ = *std::move(lease);
    }
    const auto found = lease_->Get(key, Revision(changed_at.number() - 1));
    if (!found.ok()) return Fail(found.status());
    if (!found->has_value()) return std::nullopt;
    return ToKeyValue(**found, /*keys_only=*/false);
  }

  const absl::Status& status() const { return status_; }

 private:
  std::optional<v1::KeyValue> Fail(const absl::Status& status) {
    if (ReasonOf(status) != "COMPACTED") status_ = status;
    return std::nullopt;
  }

  storage::ReaderPool& readers_;
  std::unique_ptr<storage::ReadLease> lease_;
  int rows_ = 0;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<WatchReadResult> ReadForWatch(storage::LogReader& log, storage::ReaderPool& readers,
                                             const WatchFilter& filter, WatchCursor from, Revision up_to) {
  WatchComposer composer(filter, from);
  PreviousReader previous(readers);
  const auto look_up = [&previous](absl::string_view key, Revision at) { return previous(key, at); };
  Revision reached = from.after;
  bool room = true;
  bool at_end = false;
  for (int looked = 0; room && looked < kMaxRecordsPerWatchTurn;) {
    HF_ASSIGN_OR_RETURN(const std::vector<storage::LogRecordPtr> records,
                        log.ReadAfter(reached, up_to, kMaxRecordsPerMessage, kMaxRecordBytesPerMessage));
    at_end = records.empty();
    if (at_end) break;
    for (const storage::LogRecordPtr& record : records) {
      room =
          composer.Add(filter.include_previous ? EncodedCommit::WithPrevious(*record, filter.range, look_up)
                                               : EncodedCommit::Of(*record, filter.range));
      HF_RETURN_IF_ERROR(previous.status());
      ++looked;
      if (!room) break;
      reached = record->position.revision;
    }
  }
  WatchReadResult result;
  result.cursor = composer.cursor();
  if (at_end && result.cursor.next_index == 0) result.cursor.after = std::max(result.cursor.after, up_to);
  result.told = composer.told();
  if (composer.has_events()) result.message = composer.Finish();
  return result;
}

}  // namespace holdfast::serving
