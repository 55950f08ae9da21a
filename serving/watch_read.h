#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/revision.h"
#include "serving/watch_filter.h"
#include "serving/watch_sink.h"
#include "storage/log_reader.h"
#include "storage/reader_pool.h"

// What a stream does that the ring does not serve: it reads the log. On a worker thread; may wait for the
// disk.
namespace holdfast::serving {

// What one such read came to. A plain value.
struct WatchReadResult {
  WatchMessage message;  // empty if nothing matched
  WatchCursor cursor;    // where the next read begins
  Revision told;         // WatchComposer::told
};

// One message's worth of what `filter` matches after `from`, up to `up_to`; looks at kMaxRecordsPerWatchTurn
// records at most. Errors: COMPACTED, those of reading.
absl::StatusOr<WatchReadResult> ReadForWatch(storage::LogReader& log, storage::ReaderPool& readers,
                                             const WatchFilter& filter, WatchCursor from, Revision up_to);

}  // namespace holdfast::serving
