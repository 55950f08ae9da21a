#pragma once

#include <cstddef>

#include "base/revision.h"
#include "serving/range.h"

namespace holdfast::serving {

// What a watcher wants to hear. A plain value.
struct WatchFilter {
  KeyRange range;
  bool puts = true;
  bool deletes = true;
  bool include_previous = false;
};

// How far a watcher has been served: every matching change up to `after`, and of the record after that one
// the changes below `next_index` (fragments of a large commit). A plain value.
struct WatchCursor {
  Revision after;
  size_t next_index = 0;

  bool operator==(const WatchCursor&) const = default;
};

}  // namespace holdfast::serving
