#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"
#include "serving/watch_filter.h"
#include "serving/watch_sink.h"

namespace holdfast::serving {

using WatchId = uint64_t;

// The state of the keys that a rewind touched, in key order; shared by all streams that saw what was lost.
using RestoredKeys = std::shared_ptr<const std::vector<v1::KeyValue>>;

// One watcher: a cursor, never a queue (DESIGN 5). Belongs to WatchCore.
struct WatchStream {
  WatchStream(WatchId i, WatchFilter f, std::shared_ptr<WatchSink> s)
      : id(i), filter(std::move(f)), sink(std::move(s)) {}

  const WatchId id;
  const WatchFilter filter;
  std::shared_ptr<WatchSink> sink;
  absl::Duration progress_interval;
  absl::Duration progress_due;  // its entry in WatchCore::progress_due_

  // How far it was served. While `behind` is false everything visible has been looked at, and only `after`
  // above the tail (a cursor from a node that was further) has a meaning.
  WatchCursor cursor;
  bool behind = false;
  bool reading = false;  // a worker reads the log for it
  bool queued = false;   // it waits for its turn to be read for

  // The message that a worker made, until the sink takes it; memory for one message at most.
  struct Unsent {
    WatchMessage message;
    WatchCursor from;  // where the cursor was before
    Revision told;     // WatchComposer::told
  };
  std::optional<Unsent> unsent;

  bool greeted = false;
  bool mark_due = false;  // a progress mark should be sent
  absl::Duration last_sent;
  // The greatest revision that the client got changes of, or was told to have got all changes up to, here or,
  // by its start revision, elsewhere: then it may be above the tail. A revision of a header alone does not
  // count.
  Revision seen;

  // After a rewind of something it saw: what to tell it. `restored` is null until a worker has read it.
  struct Rewind {
    Revision common;
    RestoredKeys restored;
    size_t next = 0;  // the first of `restored` that was not told yet
  };
  std::optional<Rewind> rewind;
};

}  // namespace holdfast::serving
