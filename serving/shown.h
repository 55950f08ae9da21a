#pragma once

#include <algorithm>
#include <optional>

#include "absl/time/time.h"
#include "base/revision.h"

namespace holdfast::serving {

// What a node shows, and since when that has been all there was. The bound is taken first and the revision
// second (ReadAdmission::Look): the other way round, a process that is stopped in between would pass old data
// off as fresh. A plain value.
struct Shown {
  Revision revision;
  // SinceBoot: everything committed at this moment is shown. InfiniteDuration at a primary; nullopt without
  // any bound.
  std::optional<absl::Duration> fresh_at;

  // Upper bound of how old it is.
  std::optional<absl::Duration> Age(absl::Duration now) const {
    if (!fresh_at) return std::nullopt;
    return std::max(now - *fresh_at, absl::ZeroDuration());
  }
};

}  // namespace holdfast::serving
